/**
 * The points of one price line: fifteen minutes, in bounded memory whatever the rate.
 *
 * Of every tenth of a second the first, the lowest, the highest and the last price are kept, which is what a screen
 * can show of it: a line through these covers the same pixels as one through all. A symbol with fewer than four
 * trades in each is kept whole. Times are seconds since the epoch, ascending, as the chart wants them.
 */

export const KEPT_S = 900;
const BUCKET_S = 0.1;

/** Outdated points are cut off this many at a time: cutting one by one would move all the others each time. */
const CUT = 1_024;

export class Series {
  constructor() {
    this.clear();
  }

  clear() {
    this.t = [];
    this.p = [];
    this.bucket = -1; // which tenth of a second is being filled,
    this.first = 0; // and where its points begin
  }

  get length() {
    return this.t.length;
  }

  /** Time of the newest point, in seconds; NaN without one. */
  get newest() {
    return this.t.length ? this.t[this.t.length - 1] : NaN;
  }

  /** Take ticks in the order in which the engine delivered them: times in microseconds, and prices. */
  append(timesUs, prices) {
    for (let index = 0; index < timesUs.length; index += 1) this.#add(timesUs[index] / 1e6, prices[index]);
    this.#cut();
  }

  #add(time, price) {
    const bucket = Math.floor(time / BUCKET_S);
    if (bucket < this.bucket) return; // Late: it belongs in the journal; a line that is drawn already stays.
    if (bucket > this.bucket) {
      this.#thin();
      this.bucket = bucket;
      this.first = this.t.length;
    }
    let place = this.t.length;
    while (place > this.first && this.t[place - 1] > time) place -= 1;
    this.t.splice(place, 0, time);
    this.p.splice(place, 0, price);
    if (this.t.length - this.first > 64) this.#thin();
  }

  #thin() {
    const { first } = this;
    const last = this.t.length - 1;
    if (last - first < 4) return;
    let low = first;
    let high = first;
    for (let index = first; index <= last; index += 1) {
      if (this.p[index] < this.p[low]) low = index;
      if (this.p[index] > this.p[high]) high = index;
    }
    const kept = [...new Set([first, low, high, last])].sort((one, other) => one - other);
    const times = kept.map((index) => this.t[index]);
    const prices = kept.map((index) => this.p[index]);
    this.t.length = first;
    this.p.length = first;
    this.t.push(...times);
    this.p.push(...prices);
  }

  #cut() {
    const old = this.before(this.newest - KEPT_S);
    if (old < CUT) return;
    this.t.splice(0, old);
    this.p.splice(0, old);
    this.first -= old;
  }

  /** How many points lie before a time. */
  before(time) {
    let low = 0;
    let high = this.t.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.t[middle] < time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The price that held at a time: that of the last point at or before it, else of the first; NaN without any. */
  priceAt(time) {
    const place = this.before(time);
    if (this.t[place] === time) return this.p[place];
    return this.p[Math.max(0, place - 1)] ?? NaN;
  }
}
