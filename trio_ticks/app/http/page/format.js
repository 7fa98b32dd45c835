/** Figures and instants as texts. Instants are integers in UTC microseconds, durations are in seconds. */

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en-US", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

export const NONE = "–";

/** 1234567 → 1,234,567 */
export function count(value) {
  return value === null || value === undefined ? NONE : whole.format(value);
}

/** The text of a price as it was received, with its thousands apart: 39483.290 → 39,483.290 */
export function price(text) {
  if (!text) return NONE;
  const [whole, ...rest] = text.split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/g, ","), ...rest].join(".");
}

/** Per second: one decimal where it says something, none where it does not. */
export function rate(perSecond) {
  if (perSecond === null || !Number.isFinite(perSecond)) return NONE;
  return perSecond > 0 && perSecond < 9.95 ? tenth.format(perSecond) : whole.format(perSecond);
}

/** 0.0042 → 4.2 ms, 75 → 1 m 15 s. Never more than three figures, so that columns keep their width. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  const s = Math.max(0, seconds);
  if (s < 0.000_000_5) return "0 s";
  if (s < 0.000_999_5) return `${whole.format(s * 1e6)} µs`;
  if (s < 0.009_95) return `${tenth.format(s * 1e3)} ms`;
  if (s < 0.999_5) return `${whole.format(s * 1e3)} ms`;
  if (s < 9.95) return `${tenth.format(s)} s`;
  if (s < 59.5) return `${whole.format(s)} s`;
  return long(Math.round(s));
}

function long(s) {
  const pad = (value) => String(value).padStart(2, "0");
  if (s < 3_600) return `${Math.floor(s / 60)} m ${pad(s % 60)} s`;
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ${pad(Math.floor((s % 3_600) / 60))} m`;
  return `${Math.floor(s / 86_400)} d ${pad(Math.floor((s % 86_400) / 3_600))} h`;
}

/** An age, in whole seconds: a figure that is looked at once a second need not flicker. */
export function age(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return NONE;
  return seconds < 1 ? "<1 s" : duration(seconds < 60 ? Math.floor(seconds) : seconds).replace(".0 s", " s");
}

/** 0.0046 → 0.46 % */
export function share(part, total) {
  if (!total || !part) return "0 %";
  const percent = (100 * part) / total;
  if (percent < 0.01) return "<0.01 %";
  if (part !== total && percent > 99.99) return ">99.99 %";
  return percent === 100 ? "100 %" : `${percent.toFixed(2)} %`;
}

/** 12_345_678 → 12 MB */
export function bytes(value) {
  const power = value < 1 ? 0 : Math.min(4, Math.floor(Math.log10(value) / 3));
  const figure = value / 1_000 ** power;
  return `${(power && figure < 9.95 ? tenth : whole).format(figure)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

/** The time of day, UTC: 21:04:05, or with thousandths. */
export function timeOfDay(timeUs, digits = 0) {
  const text = new Date(timeUs / 1_000).toISOString();
  return text.slice(11, digits ? 20 + digits : 19);
}

/** Day and time, UTC, to the microsecond that the engine told. */
export function instant(timeUs) {
  const below = String(Math.floor(timeUs % 1_000_000)).padStart(6, "0");
  return `${new Date(timeUs / 1_000).toISOString().slice(0, 19).replace("T", " ")}.${below} UTC`;
}
