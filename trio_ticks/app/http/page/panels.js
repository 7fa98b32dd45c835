/** What the rows of the side panels say: from a state to rows, no document involved. */

import { age, bytes, count, duration, rate } from "./format.js";
import { isUp } from "./health.js";

/** Of states that are as they should be, and of those that are on the way there; all others are bad. */
const GOOD = new Set(["live", "reading", "running", "writing", "draining", "finished"]);
const UNDERWAY = new Set(["connecting", "open", "waiting", "holding", "held", "restarting"]);

function levelOf(state) {
  if (GOOD.has(state)) return "good";
  return UNDERWAY.has(state) ? "warn" : "bad";
}

/** Lines of all shards, feeds that another engine fills, and feeds that were given up. */
export function connectionRows(state, rates) {
  return [
    ...state.shards.flatMap((shard) => shard.lines.map((line) => lineRow(line, state.now_us, rates))),
    ...state.relays.map((relay) => relayRow(relay, rates)),
    ...Object.entries(state.failed_feeds).map(([feed, reason]) => ({
      ...blank(`failed ${feed}`, feed, "given up"),
      level: "bad",
      detail: reason,
    })),
  ];
}

function lineRow(line, nowUs, rates) {
  const reconnects = Object.entries(line.reconnects).map(([cause, times]) => `${cause} ${count(times)}`);
  const quiet = line.frame_us === null ? null : (nowUs - line.frame_us) / 1e6;
  const refused = Object.entries(line.refused).map(([symbol, reason]) => `${symbol}: ${reason}`);
  return {
    key: line.name,
    level: levelOf(line.state),
    name: line.name,
    note: line.state,
    figures: [
      rate(rates.of(`line ${line.name}`, line.messages)),
      age(quiet),
      duration(line.lag_us === null ? null : line.lag_us / 1e6),
    ],
    detail: [isUp(line) ? "" : line.last_error, ...refused].filter(Boolean).join("; "),
    title: reconnects.length ? `reconnected: ${reconnects.join(", ")}; last: ${line.last_error}` : "never reconnected",
  };
}

function relayRow(relay, rates) {
  return {
    ...blank(`relay ${relay.name}`, relay.name, relay.state),
    level: levelOf(relay.state),
    figures: [rate(rates.of(`relay ${relay.name}`, relay.batches)), "", ""],
    detail: isUp(relay) ? "" : relay.last_error,
    title: `${count(relay.newest - relay.position)} batches behind ${relay.writer}`,
  };
}

/** Everybody who is handed ticks, strategies with how they are doing. */
export function consumerRows(state, rates) {
  const strategies = new Map(state.strategies.map((strategy) => [strategy.name, strategy]));
  const names = new Set([...strategies.keys(), ...Object.keys(state.ledger.consumers)]);
  return [...names].map((name) => consumerRow(name, state.ledger.consumers[name], strategies.get(name), rates));
}

function consumerRow(name, ledger, strategy, rates) {
  const { delivered = 0, queued = 0, dropped = 0 } = ledger ?? {};
  const level = strategy ? levelOf(strategy.state) : "good";
  return {
    key: name,
    level: level === "good" && dropped > 0 ? "warn" : level,
    name,
    note: strategy && strategy.state !== "running" ? strategy.state : "",
    figures: [rate(rates.of(`consumer ${name}`, delivered)), count(queued), count(dropped)],
    detail: strategy && strategy.state !== "running" ? strategy.last_error : "",
    title: strategy ? `${count(strategy.signals)} signals, ${count(strategy.failures)} failures` : "",
  };
}

/** The journal, then each sink. */
export function storageRows(state, rates) {
  const { journal, ledger } = state;
  const rows = state.sinks.map((sink) => sinkRow(sink, ledger.sinks[sink.name] ?? sink.ledger, rates));
  if (journal !== null) rows.unshift(journalRow(journal, ledger.journal, rates));
  return rows.length ? rows : [{ ...blank("none", "nothing is kept", ""), level: "none" }];
}

function journalRow(journal, ledger, rates) {
  return {
    key: "journal",
    level: levelOf(journal.state),
    name: "journal",
    note: journal.state,
    figures: [rate(rates.of("journal", journal.total_ticks)), count(ledger?.queued), ""],
    detail: journal.state === "writing" ? roomOf(journal) : journal.last_error,
    title: `${journal.path}: ${count(journal.total_ticks)} ticks in ${count(journal.position)} batches`,
  };
}

/** What it takes up on its disk and what is left there, where that is known. */
function roomOf({ size_bytes: size, free_bytes: free }) {
  return size === null || free === null ? "" : `${bytes(size)} on disk, ${bytes(free)} free`;
}

function sinkRow(sink, ledger, rates) {
  // A sink waits for something to send; a line that waits has lost its connection.
  const isIdle = sink.state === "waiting";
  const dead = ledger.dead_lettered + ledger.discarded;
  const level = levelOf(isIdle ? "draining" : sink.state);
  return {
    key: `sink ${sink.name}`,
    level: level === "good" && dead > 0 ? "warn" : level,
    name: sink.name,
    note: isIdle ? "up to date" : sink.state,
    figures: [rate(rates.of(`sink ${sink.name}`, ledger.stored)), count(ledger.pending), duration(sink.lag_s)],
    detail: sink.state === "holding" ? sink.last_error : dead ? `${count(dead)} ticks were refused for good` : "",
    title: `${count(sink.attempts)} batches handed over, ${count(sink.failures)} without success`,
  };
}

function blank(key, name, note) {
  return { key, level: "good", name, note, figures: ["", "", ""], detail: "", title: "" };
}
