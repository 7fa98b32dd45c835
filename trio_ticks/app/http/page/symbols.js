/**
 * The table of symbols. Only the rows that are in sight exist, however many symbols there are; a row that comes into
 * sight is one that went out of it. The order stands still while somebody points at it or has the keyboard in it.
 */

import { element, setAttribute, setText } from "./dom.js";
import { age, count, price, rate } from "./format.js";
import { COLUMNS, arranged, nameOf } from "./order.js";

/** Pixels; the style sheet has the same figure. */
const ROW = 26;

const LIT_MS = 300;

const MOVES = { ArrowDown: 1, ArrowUp: -1, PageDown: 12, PageUp: -12, Home: -Infinity, End: Infinity };

export class SymbolTable {
  #symbols = [];
  #shown = [];
  #nowUs = 0;
  #arrangement = { filter: "", column: "symbol", direction: 1 };
  #chosen = "";
  #cursor = "";
  #rows = [];
  #hasFeeds = false;
  #lit = 0;

  /**
   * @param {Element} panel With a filter box, a table, and a place for how many there are.
   * @param {(symbol: {feed: string, symbol: string}) => void} onChoose Told when somebody chooses one.
   */
  constructor(panel, onChoose) {
    this.panel = panel;
    this.onChoose = onChoose;
    this.scroll = panel.querySelector(".scroll");
    this.table = panel.querySelector("table");
    this.body = panel.querySelector("tbody");
    this.filter = panel.querySelector("input");
    this.howMany = panel.querySelector(".aside");
    this.above = element("tr", "spacer");
    this.below = element("tr", "spacer");
    this.body.append(this.above, this.below);
    this.heads = COLUMNS.map((column) => this.#head(column));
    this.#listen();
  }

  /** Take the symbols of a new state. */
  show(symbols, nowUs) {
    this.#symbols = symbols;
    this.#nowUs = nowUs;
    this.#hasFeeds = symbols.some(({ feed }) => feed !== symbols[0].feed);
    if (this.#isHeld()) this.#refresh();
    else this.#arrange();
  }

  /** Mark the symbol that the chart shows. */
  mark(name) {
    this.#chosen = name;
    this.#cursor ||= name;
    this.#render();
  }

  #isHeld() {
    return this.table.matches(":hover, :focus-visible") && this.#shown.length > 0;
  }

  /** The same order, with the new figures; what is new comes at the end, what is gone goes. */
  #refresh() {
    const fresh = new Map(arranged(this.#symbols, this.#arrangement).map((one) => [nameOf(one), one]));
    const kept = this.#shown.map((one) => fresh.get(nameOf(one))).filter(Boolean);
    kept.forEach((one) => fresh.delete(nameOf(one)));
    this.#shown = [...kept, ...fresh.values()];
    this.#render();
  }

  #arrange() {
    this.#shown = arranged(this.#symbols, this.#arrangement);
    this.#render();
  }

  #head({ id, title, first }) {
    const cell = element("th");
    const button = element("button", "", title);
    cell.scope = "col";
    cell.dataset.column = id;
    button.type = "button";
    button.tabIndex = -1; // The grid is one stop of the Tab key; the heads are reached by pointer or by S.
    button.addEventListener("click", () => this.#sortBy(id, first));
    cell.append(button);
    this.panel.querySelector("thead tr").append(cell);
    return cell;
  }

  #sortBy(column, first) {
    const isSame = column === this.#arrangement.column;
    this.#arrangement.column = column;
    this.#arrangement.direction = isSame ? -this.#arrangement.direction : first;
    this.#arrange();
  }

  #listen() {
    this.filter.addEventListener("input", () => {
      this.#arrangement.filter = this.filter.value;
      this.#arrange();
    });
    this.filter.addEventListener("keydown", (event) => this.#leaveFilter(event));
    this.scroll.addEventListener("scroll", () => this.#render(), { passive: true });
    new ResizeObserver(() => this.#render()).observe(this.scroll);
    this.table.addEventListener("keydown", (event) => this.#press(event));
    this.body.addEventListener("click", (event) => {
      const row = this.#rows.find(({ root }) => root.contains(event.target));
      if (row) this.#choose(row.name);
    });
    document.addEventListener("keydown", (event) => {
      if (event.key !== "/" || event.target.matches("input")) return;
      event.preventDefault();
      this.filter.focus();
    });
  }

  #leaveFilter(event) {
    if (event.key === "Escape") {
      this.filter.value = "";
      this.filter.dispatchEvent(new Event("input"));
    } else if (event.key === "ArrowDown" || event.key === "Enter") {
      event.preventDefault();
      this.table.focus();
      this.#moveTo(0);
      if (event.key === "Enter") this.#choose(this.#cursor);
    }
  }

  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in MOVES) this.#moveTo(this.#place() + MOVES[event.key]);
    else if (event.key === "Enter" || event.key === " ") this.#choose(this.#cursor);
    else if (event.key === "s") this.#nextColumn();
    else return;
    event.preventDefault();
  }

  #nextColumn() {
    const place = COLUMNS.findIndex(({ id }) => id === this.#arrangement.column);
    const { id, first } = COLUMNS[(place + 1) % COLUMNS.length];
    this.#sortBy(id, first);
  }

  #place() {
    return this.#shown.findIndex((one) => nameOf(one) === this.#cursor);
  }

  #moveTo(wanted) {
    if (!this.#shown.length) return;
    const place = Math.min(Math.max(wanted, 0), this.#shown.length - 1);
    this.#cursor = nameOf(this.#shown[place]);
    const top = place * ROW;
    const room = this.scroll.clientHeight - ROW; // less the head, which stays in sight
    if (top < this.scroll.scrollTop) this.scroll.scrollTop = top;
    else if (top + ROW > this.scroll.scrollTop + room) this.scroll.scrollTop = top + ROW - room;
    this.#render();
  }

  #choose(name) {
    const symbol = this.#symbols.find((one) => nameOf(one) === name);
    if (!symbol) return;
    this.#cursor = name;
    this.onChoose(symbol);
  }

  #render() {
    const total = this.#shown.length;
    const fitting = Math.ceil(this.scroll.clientHeight / ROW) + 1;
    const first = Math.max(0, Math.min(Math.floor(this.scroll.scrollTop / ROW), total - fitting));
    const visible = this.#shown.slice(first, first + fitting);
    this.#pool(visible.length);
    visible.forEach((symbol, place) => this.#fill(this.#rows[place], symbol, first + place));
    this.#space(this.above, first);
    this.#space(this.below, total - first - visible.length);
    setAttribute(this.table, "aria-rowcount", String(total));
    const active = this.#rows.find(({ name }) => name === this.#cursor);
    setAttribute(this.table, "aria-activedescendant", active ? active.root.id : null);
    setText(this.howMany, this.#summary(total));
    for (const head of this.heads) setAttribute(head, "aria-sort", this.#sortOf(head.dataset.column));
  }

  #summary(total) {
    const stale = this.#symbols.filter((one) => one.stale).length;
    const shown = total === this.#symbols.length ? count(total) : `${count(total)} of ${count(this.#symbols.length)}`;
    return stale ? `${shown}, ${count(stale)} stale` : shown;
  }

  #sortOf(column) {
    if (column !== this.#arrangement.column) return null;
    return this.#arrangement.direction > 0 ? "ascending" : "descending";
  }

  #space(spacer, rows) {
    const height = `${rows * ROW}px`;
    if (spacer.style.height !== height) spacer.style.height = height;
  }

  #pool(wanted) {
    while (this.#rows.length < wanted) {
      const root = element("tr");
      root.id = `symbol-row-${this.#rows.length}`;
      const cells = COLUMNS.map(() => element("td"));
      const [symbol, feed] = [element("span", "name"), element("span", "feed")];
      const both = element("div", "what");
      both.append(symbol, feed);
      cells[0].append(both);
      root.append(...cells);
      this.body.insertBefore(root, this.below);
      this.#rows.push({ root, symbol, feed, cells, name: "", last: NaN });
    }
    while (this.#rows.length > wanted) this.#rows.pop().root.remove();
  }

  /** Colour a price that moved, for a moment. */
  #light(row, way) {
    setAttribute(row.root, "data-moved", way);
    this.#lit ||= setTimeout(() => {
      this.#lit = 0;
      for (const { root } of this.#rows) setAttribute(root, "data-moved", null);
    }, LIT_MS);
  }

  #fill(row, one, place) {
    const name = nameOf(one);
    const isSame = row.name === name;
    const last = one.price_text ? Number(one.price_text) : NaN;
    if (isSame && last !== row.last) this.#light(row, last > row.last ? "up" : "down");
    else if (!isSame) setAttribute(row.root, "data-moved", null);
    row.name = name;
    row.last = last;
    setText(row.symbol, one.symbol);
    setText(row.feed, this.#hasFeeds ? one.feed : "");
    setText(row.cells[1], price(one.price_text));
    setText(row.cells[2], rate(one.rate_per_s));
    setText(row.cells[3], one.received_us ? age((this.#nowUs - one.received_us) / 1e6) : "–");
    setAttribute(row.root, "data-stale", one.stale ? "" : null);
    setAttribute(row.root, "title", one.stale ? `${name} is stale: no price for longer than allowed` : name);
    setAttribute(row.root, "aria-selected", String(name === this.#chosen));
    setAttribute(row.root, "data-cursor", name === this.#cursor ? "" : null);
    setAttribute(row.root, "aria-rowindex", String(place + 1));
  }
}
