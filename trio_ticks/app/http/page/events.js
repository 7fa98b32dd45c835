/** The latest events, newest first, and never more than the list holds. */

import { element } from "./dom.js";
import { instant, timeOfDay } from "./format.js";

const KEPT = 200;

/** Return a function that adds an event. One that is listed is not listed again: each reconnect repeats the last. */
export function eventsIn(list) {
  const keys = new Map();
  return (event) => {
    const key = JSON.stringify([event.time_us, event.kind, event.feed, event.symbol, event.text]);
    if (keys.has(key)) return;
    const row = rowOf(event);
    keys.set(key, row);
    place(list, row, event.time_us);
    while (list.children.length > KEPT) drop(list, keys);
  };
}

/** Events come in order, but for those that a reconnect brings late. */
function place(list, row, timeUs) {
  row.timeUs = timeUs;
  let next = list.firstElementChild;
  while (next && next.timeUs > timeUs) next = next.nextElementSibling;
  list.insertBefore(row, next);
}

function drop(list, keys) {
  const oldest = list.lastElementChild;
  for (const [key, row] of keys) {
    if (row !== oldest) continue;
    keys.delete(key);
    break;
  }
  oldest.remove();
}

function rowOf({ time_us: timeUs, kind, text, feed, symbol }) {
  const row = element("li", "event");
  row.dataset.kind = kind;
  const time = element("time", "", timeOfDay(timeUs));
  time.title = instant(timeUs);
  row.append(
    time,
    element("span", "kind", kind),
    element("span", "about", symbol || feed || ""),
    element("span", "words", text),
  );
  return row;
}
