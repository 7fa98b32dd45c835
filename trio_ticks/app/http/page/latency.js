/**
 * How long ticks take from the socket to each place, on one logarithmic axis from 10 µs to 100 s.
 *
 * A track shows where half of all ticks lie below, where 99 % do, and how the ages are spread: a
 * column for each power of two, as high as its share.
 */

import { element, keyedList, setAttribute, setText } from "./dom.js";
import { count, duration } from "./format.js";

const LOWEST_US = 10;
const DECADES = 7;
/** [name in the state, in words, whether this engine has such a place] */
const STRETCHES = [
  ["strategy", "to a strategy", () => true],
  ["journal", "to the journal", ({ journal }) => journal !== null],
  ["stored", "to a database", ({ sinks }) => sinks.length > 0],
];

/** What lies behind the last bound is drawn as the bucket that follows it. */
const OPEN_END_US = 2 ** 28;

/** Where an age lies on the axis, in percent. */
export function placeOf(us) {
  const decades = Math.log10(Math.max(us, LOWEST_US) / LOWEST_US);
  return Math.min(100, (100 * decades) / DECADES);
}

/** Return a function that shows the ages in a state. */
export function latencyIn(panel) {
  drawAxis(panel.querySelector(".axis"));
  const show = keyedList(panel.querySelector("ul"), ([name]) => name, make, update);
  return (state) => {
    const there = STRETCHES.filter(([, , isThere]) => isThere(state));
    show(there.map(([name, words]) => [name, words, state.ages[name]]));
    panel.style.setProperty("--tracks", there.length);
  };
}

function drawAxis(axis) {
  for (const [us, text] of [
    [100, "100 µs"],
    [10_000, "10 ms"],
    [1_000_000, "1 s"],
  ]) {
    const mark = element("span", "", text);
    mark.style.left = `${placeOf(us)}%`;
    axis.append(mark);
  }
}

function make([, words]) {
  const root = element("li", "stretch");
  const [p50, p99] = [element("span", "figure"), element("span", "figure")];
  const track = element("div", "track");
  const [columns, range, half] = [element("div", "columns-of-ages"), element("i", "range"), element("i", "half")];
  track.append(columns, range, half);
  root.append(element("span", "name", words), p50, p99, track);
  return { root, p50, p99, columns, range, half };
}

function update(view, [, , ages]) {
  const { count: measured, p50_us: p50, p99_us: p99 } = ages;
  const isKnown = measured > 0 && p50 !== null;
  setText(view.p50, duration(isKnown ? p50 / 1e6 : null));
  setText(view.p99, duration(isKnown ? p99 / 1e6 : null));
  setAttribute(view.root, "title", `${count(measured)} ticks measured`);
  setAttribute(view.root, "data-known", isKnown ? "" : null);
  if (!isKnown) return;
  view.half.style.left = `${placeOf(p50)}%`;
  view.range.style.left = `${placeOf(p50)}%`;
  view.range.style.width = `${placeOf(p99) - placeOf(p50)}%`;
  drawColumns(view.columns, ages.buckets);
}

/** Buckets are [upper bound in µs, ticks]: the powers of two between which there were any; the last has no bound. */
function drawColumns(columns, buckets) {
  while (columns.children.length < buckets.length) columns.append(element("i"));
  while (columns.children.length > buckets.length) columns.lastChild.remove();
  const most = Math.max(1, ...buckets.map(([, ticks]) => ticks));
  buckets.forEach(([bound, ticks], place) => {
    const upper = bound ?? OPEN_END_US;
    const [from, to] = [placeOf(upper / 2), placeOf(upper)];
    const { style } = columns.children[place];
    style.left = `${from}%`;
    style.width = `${to - from}%`;
    style.height = ticks ? `max(1px, ${((100 * ticks) / most).toFixed(1)}%)` : "0";
  });
}
