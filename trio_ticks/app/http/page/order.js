/** Which symbols are shown, and in which order: pure, from the records that /status tells. */

/** The columns: what they are called, what they order by, and which way round first. */
export const COLUMNS = [
  { id: "symbol", title: "Symbol", first: 1, compare: (one, other) => collate(nameOf(one), nameOf(other)) },
  { id: "last", title: "Last", first: -1, compare: (one, other) => priceOf(one) - priceOf(other) },
  { id: "rate", title: "Rate/s", first: -1, compare: (one, other) => one.rate_per_s - other.rate_per_s },
  { id: "age", title: "Age", first: -1, compare: (one, other) => receivedOf(other) - receivedOf(one) },
];

const { compare: collate } = new Intl.Collator("en", { numeric: true });

/** What a symbol is chosen by: "FEED/SYMBOL". */
export function nameOf({ feed, symbol }) {
  return `${feed}/${symbol}`;
}

function priceOf({ price_text: text }) {
  return text ? Number(text) : -Infinity;
}

function receivedOf({ received_us: us }) {
  return us || 0;
}

/** Return the symbols that hold every word of a filter, ordered by a column, the stale ones among the others. */
export function arranged(symbols, { filter, column, direction }) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const { compare } = COLUMNS.find(({ id }) => id === column);
  return symbols
    .filter((one) => words.every((word) => hay(one).includes(word)))
    .sort((one, other) => direction * compare(one, other) || collate(nameOf(one), nameOf(other)));
}

function hay(one) {
  return `${nameOf(one)}${one.stale ? " stale" : ""}`.toLowerCase();
}
