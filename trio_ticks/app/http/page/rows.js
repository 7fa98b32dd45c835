/** A panel of rows: a state, a name, up to three figures in columns, and where something is wrong the reason. */

import { element, keyedList, setAttribute, setText } from "./dom.js";

/**
 * Return a function that shows rows.
 *
 * @param {Element} list Where.
 * @param {number} figures How many columns of figures.
 * @returns {(rows: {key: string, level: string, name: string, note: string, figures: string[], reason: string,
 *   title: string}[]) => void}
 */
export function rowsIn(list, figures) {
  return keyedList(
    list,
    (row) => row.key,
    () => make(figures),
    update,
  );
}

function make(figures) {
  const root = element("li", "row");
  const state = element("span", "dot");
  const name = element("span", "name");
  const note = element("span", "note");
  const cells = Array.from({ length: figures }, () => element("span", "figure"));
  const reason = element("span", "reason");
  root.append(state, name, note, ...cells, reason);
  return { root, state, name, note, cells, reason };
}

function update(view, row) {
  setAttribute(view.root, "data-level", row.level);
  setAttribute(view.root, "title", row.title || null);
  setText(view.name, row.name);
  setText(view.note, row.note);
  row.figures.forEach((figure, place) => setText(view.cells[place], figure));
  setText(view.reason, row.reason);
}
