/** A panel of rows: a state, a name, figures in columns, and below these what there is to say, such as a reason. */

import { element, keyedList, setAttribute, setText } from "./dom.js";

/**
 * Return a function that shows rows.
 *
 * @param {Element} list Where.
 * @param {number} figures How many columns of figures.
 * @returns {(rows: {key: string, level: string, name: string, note: string, figures: string[], detail: string,
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
  const label = element("span", "label");
  const [name, note] = [element("span", "name"), element("span", "note")];
  const cells = Array.from({ length: figures }, () => element("span", "figure"));
  const detail = element("span", "detail");
  label.append(name, note);
  root.append(state, label, ...cells, detail);
  return { root, name, note, cells, detail };
}

function update(view, row) {
  setAttribute(view.root, "data-level", row.level);
  setAttribute(view.root, "title", row.title ? `${row.name}: ${row.title}` : row.name);
  setText(view.name, row.name);
  setText(view.note, row.note);
  row.figures.forEach((figure, place) => setText(view.cells[place], figure));
  setText(view.detail, row.detail);
}
