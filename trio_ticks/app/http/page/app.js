/**
 * The dashboard: what `trio-ticks` shows of a running engine at `/`.
 *
 * Everything comes over one link (`stream.js`). Events are noted when they come and drawn at most once per frame, so
 * that a burst costs one drawing, and a page in the background none. Each panel is a module of its own, which turns a
 * state into texts; only `dom.js` knows how they get into the document.
 */

import { Chart } from "./chart.js";
import { byId, element, setAttribute, setText } from "./dom.js";
import { eventsIn } from "./events.js";
import { duration, price, timeOfDay } from "./format.js";
import { healthOf } from "./health.js";
import { latencyIn } from "./latency.js";
import { ledgerIn } from "./ledger.js";
import { nameOf } from "./order.js";
import { connectionRows, consumerRows, storageRows } from "./panels.js";
import { Rates } from "./rates.js";
import { rowsIn } from "./rows.js";
import { openStream } from "./stream.js";
import { SymbolTable } from "./symbols.js";
import { themeOn } from "./theme.js";

const WINDOWS = [
  ["30 s", 30],
  ["2 m", 120],
  ["15 m", 900],
];
const USUAL_WINDOW_S = 120;

const rates = new Rates();
const chart = new Chart(byId("plot"), byId("chart-readout"), USUAL_WINDOW_S);
const table = new SymbolTable(byId("symbols"), (symbol) => choose(nameOf(symbol)));
const addEvent = eventsIn(document.querySelector("#events ol"));
const showLatency = latencyIn(byId("latency"));
const showLedger = ledgerIn(document.querySelector("#ledger .flow"), byId("ledger-verdict"));
const showConnections = rowsIn(document.querySelector("#connections ul"), 3);
const showConsumers = rowsIn(document.querySelector("#consumers ul"), 3);
const showStorage = rowsIn(document.querySelector("#storage ul"), 3);

let state = null;
let chosen = decodeURIComponent(location.hash.slice(1));
let isUp = false;
let toDraw = new Set();

/** Have a part of the page drawn with the next frame. */
function soon(...parts) {
  if (!toDraw.size) requestAnimationFrame(draw);
  parts.forEach((part) => toDraw.add(part));
}

function draw() {
  const parts = toDraw;
  toDraw = new Set();
  if (parts.has("state") && state) drawState();
  if (parts.has("health")) drawHealth();
  if (parts.has("chart")) drawChart();
}

function drawState() {
  rates.turn(state.now_us);
  showConnections(connectionRows(state, rates));
  showConsumers(consumerRows(state, rates));
  showStorage(storageRows(state, rates));
  showLedger(state.ledger);
  showLatency(state);
  table.show(state.symbols, state.now_us);
  setText(byId("uptime"), duration((state.now_us - state.started_us) / 1e6));
  setText(byId("version"), state.version);
  setText(byId("clock"), timeOfDay(state.now_us));
}

function drawHealth() {
  const verdict = isUp && state ? healthOf(state, rates.of("received", state.ledger.received)) : lost();
  setAttribute(document.body, "data-link", isUp ? "up" : "lost");
  setAttribute(byId("health-state"), "data-level", verdict.level);
  setText(byId("health-state"), verdict.word);
  setText(byId("health-words"), verdict.sentence);
  setAttribute(byId("health-words"), "title", verdict.sentence);
  setText(document.querySelector("title"), verdict.level === "good" ? "trio_ticks" : `${verdict.word} · trio_ticks`);
}

function lost() {
  const since = state ? ` The figures are those of ${timeOfDay(state.now_us)} UTC.` : "";
  return { level: "bad", word: "reconnecting", sentence: `The engine does not answer.${since}` };
}

function drawChart() {
  const symbol = state?.symbols.find((one) => nameOf(one) === chosen);
  if (symbol) setText(byId("chart-price"), price(symbol.price_text));
  chart.draw();
}

function choose(name) {
  chosen = name;
  const [feed, ...rest] = name.split("/");
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  setText(byId("chart-title"), rest.join("/"));
  setAttribute(byId("chart-title"), "title", `of the feed ${feed}`);
  setText(byId("chart-price"), "");
  table.mark(name);
  chart.clear();
  stream.choose(name);
  soon("chart");
}

function takeState(fresh) {
  state = fresh;
  const isKnown = state.symbols.some((one) => nameOf(one) === chosen);
  if (!isKnown && state.symbols.length) choose(nameOf(state.symbols[0]));
  const [feed, symbol] = [chosen.split("/", 1)[0], chosen.slice(chosen.indexOf("/") + 1)];
  const isUncovered = (state.uncovered[feed] ?? []).includes(symbol);
  chart.at(state.now_us, isUncovered ? "not covered now" : "");
  soon("state", "health", "chart");
}

function takeTicks(news) {
  if (nameOf(news) !== chosen) return; // Of the symbol that was shown until just now.
  chart.add(news);
  soon("chart");
}

function offerWindows() {
  for (const [words, seconds] of WINDOWS) {
    const label = element("label");
    const input = element("input");
    Object.assign(input, { type: "radio", name: "window", value: seconds, checked: seconds === USUAL_WINDOW_S });
    input.addEventListener("change", () => {
      chart.windowS = seconds;
      soon("chart");
    });
    label.append(input, element("span", "", words));
    byId("windows").append(label);
  }
}

offerWindows();
themeOn(byId("theme"), () => chart.recolour());
const stream = openStream({ state: takeState, ticks: takeTicks, event: addEvent }, (up) => {
  isUp = up;
  soon("health");
});
if (chosen) choose(chosen);
