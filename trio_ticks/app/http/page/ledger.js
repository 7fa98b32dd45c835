/**
 * The ledger as a flow: what was received, where it was handed, and what is stored.
 *
 * Each box is one equation of the ledger: its total, and a bar of the parts that make it up. A ribbon says that what
 * leaves one box enters the next; it is a copy to each, not a division among them.
 */

import { element, keyedList, setAttribute, setText } from "./dom.js";
import { count, share } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";

/** What the names of the program's own consumers begin with, this page's one among them: no part of the flow. */
const OWN = "trio-ticks ";

/** [name in the ledger, in words, what it says]; of the first one goes on into the next box. */
const RECEIVED = [
  ["accepted", "accepted", "good"],
  ["duplicates", "repeated", "plain"],
  ["rejected", "unusable", "bad"],
  ["expired", "too old", "warn"],
  ["late_dropped", "too late", "warn"],
  ["held", "held for order", "wait"],
  ["inbox", "not yet read", "wait"],
];
const CONSUMER = [
  ["delivered", "delivered", "good"],
  ["queued", "queued", "wait"],
  ["dropped", "dropped", "bad"],
];
const JOURNAL = [
  ["journaled", "journaled", "good"],
  ["queued", "queued", "wait"],
  ["gapped", "left out, in a gap", "bad"],
];
const SINK = [
  ["stored", "stored", "good"],
  ["pending", "pending", "wait"],
  ["dead_lettered", "dead letters", "bad"],
  ["discarded", "discarded", "bad"],
];

/** Return the boxes of a ledger, column by column. */
export function boxesOf(ledger) {
  const first = [box("received", "received", ledger.received, ledger, RECEIVED, "")];
  const second = Object.entries(ledger.consumers).map(([name, one]) =>
    box(`consumer ${name}`, name, one.offered, one, CONSUMER, "received"),
  );
  if (ledger.journal !== null) {
    second.unshift(box("journal", "journal", ledger.accepted, ledger.journal, JOURNAL, "received"));
  }
  const third = Object.entries(ledger.sinks).map(([name, one]) =>
    box(`sink ${name}`, name, one.appended, one, SINK, "journal"),
  );
  return [first, second, third];
}

function box(key, name, total, figures, parts, source) {
  return { key, name, total, source, parts: parts.map(([field, words, kind]) => [words, figures[field], kind]) };
}

/** Return the boxes whose parts are not their total, as the engine would name them. */
export function imbalancesOf(columns) {
  return columns.flat().filter(({ total, parts }) => total !== parts.reduce((sum, part) => sum + part[1], 0));
}

/** Return a function that shows a ledger. */
export function ledgerIn(panel, verdict) {
  const ribbons = document.createElementNS(SVG, "svg");
  ribbons.setAttribute("aria-hidden", "true");
  const columns = [0, 1, 2].map(() => element("ul", "stage"));
  panel.append(ribbons, ...columns);
  const shown = columns.map((column) => keyedList(column, (item) => item.key, make, update));
  let drawn = [];
  const redraw = () => draw(ribbons, panel, drawn);
  new ResizeObserver(redraw).observe(panel);
  return (ledger) => {
    const all = boxesOf(ledger);
    const wrong = imbalancesOf(all);
    const boxes = all.map((items) => items.filter(({ name }) => !name.startsWith(OWN)));
    boxes.forEach((items, place) => shown[place](items));
    setText(verdict, wrong.length ? `does not balance: ${wrong.map((one) => one.name).join(", ")}` : "balanced");
    setAttribute(verdict, "data-level", wrong.length ? "bad" : "good");
    const structure = boxes.flat().filter((one) => one.source);
    if (structure.map((one) => one.key).join() !== drawn.map((one) => one.key).join()) {
      drawn = structure;
      redraw();
    }
  };
}

function make({ key, name, parts }) {
  const root = element("li", "box");
  root.dataset.key = key;
  const head = element("p", "total");
  const total = element("span", "figure");
  head.append(element("span", "name", name), total);
  const bar = element("div", "bar-of-parts");
  const list = element("dl", "parts");
  const views = parts.map(([words, , kind]) => {
    const piece = element("i");
    const line = element("div");
    const figure = element("dd", "figure");
    piece.dataset.kind = kind;
    line.dataset.kind = kind;
    line.append(element("dt", "", words), figure);
    list.append(line);
    bar.append(piece);
    return { piece, line, figure, width: "" };
  });
  root.append(head, bar, list);
  return { root, total, views };
}

function update({ total, views }, item) {
  setText(total, count(item.total));
  item.parts.forEach(([, value], place) => {
    const view = views[place];
    setText(view.figure, count(value));
    setAttribute(view.line, "title", share(value, item.total));
    setAttribute(view.line, "data-zero", value ? null : "");
    // A part that is there is seen, however small.
    const width = value ? `max(2px, ${((100 * value) / item.total).toFixed(2)}%)` : "0";
    if (view.width !== width) view.piece.style.width = view.width = width;
  });
}

function draw(ribbons, panel, boxes) {
  const home = panel.getBoundingClientRect();
  ribbons.replaceChildren(
    ...boxes.map(({ key, source }) => {
      const path = document.createElementNS(SVG, "path");
      const place = (wanted) =>
        panel.querySelector(`[data-key="${CSS.escape(wanted)}"] .bar-of-parts`)?.getBoundingClientRect();
      const [from, to] = [place(source), place(key)];
      // Below each other, on a narrow screen, the order says it.
      if (from && to && from.right <= to.left) path.setAttribute("d", ribbon(from, to, home));
      return path;
    }),
  );
}

function ribbon(from, to, home) {
  const [x, y] = [from.right - home.left, from.top + from.height / 2 - home.top];
  const [u, v] = [to.left - home.left, to.top + to.height / 2 - home.top];
  const middle = (x + u) / 2;
  return `M${x} ${y}C${middle} ${y} ${middle} ${v} ${u} ${v}`;
}
