/** The engine's state in one word and one sentence: what is wrong, the worst first, or that nothing is. */

import { count, rate } from "./format.js";
import { boxesOf, imbalancesOf } from "./ledger.js";

/**
 * Return the verdict on a state.
 *
 * @param {Object} state As /status tells it.
 * @param {number|null} ticksPerS What is received, in ticks a second, where known.
 * @returns {{level: "good"|"warn"|"bad", word: string, sentence: string}}
 */
export function healthOf(state, ticksPerS) {
  const found = FINDINGS.map((finding) => finding(state)).find(Boolean);
  if (found) return { level: found[0], word: found[1], sentence: found[2] };
  const lines = linesOf(state);
  const flow = ticksPerS === null ? "" : `, ${rate(ticksPerS)} ticks/s`;
  const sentence = `${connections(lines.length)} live${flow}; every tick accounted for.`;
  return { level: "good", word: "live", sentence };
}

/** Each returns [level, word, sentence], or nothing where all is well; the worst comes first. */
const FINDINGS = [
  ({ ledger }) => {
    const [wrong] = imbalancesOf(boxesOf(ledger));
    return wrong && ["bad", "ledger", `The ledger does not balance: ${wrong.name}. Please report it.`];
  },
  (state) => state.state !== "running" && ["warn", state.state, `The engine is ${state.state}.`],
  ({ failed_feeds: failed }) => {
    const [feed] = Object.keys(failed);
    return feed && ["bad", "feed failed", `${feed} was given up: ${failed[feed]}`];
  },
  (state) => {
    const lines = linesOf(state);
    const down = lines.filter((line) => !isUp(line));
    if (!lines.length || down.length < lines.length) return null;
    return ["bad", "no feed", `No connection is live: ${reasonOf(down[0])}`];
  },
  ({ journal }) =>
    journal &&
    journal.state !== "writing" && ["bad", "journal", `The journal is ${journal.state}: ${reasonOf(journal)}`],
  ({ strategies }) => {
    const failed = strategies.find((strategy) => strategy.state === "failed" || strategy.state === "restarting");
    return failed && ["bad", failed.state, `Strategy ${failed.name} is ${failed.state}: ${reasonOf(failed)}`];
  },
  ({ sinks }) => {
    const held = sinks.find((sink) => sink.state === "holding");
    return held && ["warn", "holding", `${held.name} takes nothing, the journal keeps it meanwhile: ${reasonOf(held)}`];
  },
  (state) => {
    const down = linesOf(state).filter((line) => !isUp(line));
    return down.length > 0 && ["warn", "degraded", `${down[0].name} is ${down[0].state}: ${reasonOf(down[0])}`];
  },
  ({ uncovered }) => {
    const lost = Object.values(uncovered).flat();
    return lost.length > 0 && ["warn", "uncovered", `${some(lost)} not covered at this moment.`];
  },
  ({ symbols }) => {
    const stale = symbols.filter((one) => one.stale).map((one) => one.symbol);
    return stale.length > 0 && ["warn", "stale", `${some(stale)} older than allowed.`];
  },
];

/** Every connection there is, those to another engine's stream included. */
export function linesOf(state) {
  return [...state.shards.flatMap((shard) => shard.lines), ...state.relays];
}

/** Whether ticks can come over a connection. */
export function isUp({ state }) {
  return state === "live" || state === "open" || state === "reading";
}

function reasonOf({ last_error: reason }) {
  return reason || "no reason was told.";
}

function connections(number) {
  if (number === 0) return "Engine";
  return number === 1 ? "1 connection" : `All ${count(number)} connections`;
}

function some(names) {
  const shown = names.slice(0, 3).join(", ");
  const rest = names.length > 3 ? ` and ${count(names.length - 3)} more` : "";
  return `${shown}${rest} ${names.length === 1 ? "is" : "are"}`;
}
