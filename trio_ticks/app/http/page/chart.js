/**
 * The price of one symbol: a line of steps, since a price holds until the next one; bands where ticks may be missing,
 * through which no line is drawn; and a mark for each signal, at the price that held when it was given.
 */

import { duration, timeOfDay } from "./format.js";
import { holesOf } from "./holes.js";
import { FONT_PX, drawBands, drawSignals } from "./marks.js";
import { KEPT_S, Series } from "./series.js";
import { colourOf } from "./theme.js";
import uPlot from "./vendor/uPlot.esm.js";

/** Of gaps and of signals, the newest. A screen shows no more, and a link that flaps all night has no more either. */
const MARKS = 400;
const LEAST_S = 15;
const REACH = 8; // pixels from the pointer within which a signal is told of

export class Chart {
  #series = new Series();
  #gaps = [];
  #signals = [];
  #openCause = "";
  #nowS = 0;
  #colours = {};
  #bounds = [0, 1];

  /**
   * @param {Element} place Filled by the chart, whose size follows it.
   * @param {Element} readout What lies under the pointer, in words.
   * @param {number} windowS How much time is shown.
   */
  constructor(place, readout, windowS) {
    this.place = place;
    this.readout = readout;
    this.windowS = windowS;
    this.#readColours();
    this.plot = new uPlot(this.#options(), [[], []], place);
    new ResizeObserver(() => this.#fit()).observe(place);
  }

  /** Forget everything: another symbol comes. */
  clear() {
    this.#series.clear();
    this.#gaps = [];
    this.#signals = [];
    this.#openCause = "";
  }

  /** Take what the stream brought of the symbol. */
  add({ reset = false, t, p, gaps = [], signals = [] }) {
    if (reset) this.clear();
    this.#series.append(t, p);
    for (const [startUs, endUs, cause] of gaps) this.#gaps.push([startUs / 1e6, endUs / 1e6, cause]);
    for (const signal of signals) this.#signals.push({ ...signal, t: signal.time_us / 1e6 });
    this.#gaps = this.#gaps.slice(-MARKS);
    this.#signals = this.#signals.slice(-MARKS);
  }

  /** Take the engine's clock, and why the symbol is not covered now; "" where it is. */
  at(nowUs, openCause) {
    this.#nowS = nowUs / 1e6;
    this.#openCause = openCause;
  }

  /** Take on the theme's colours. */
  recolour() {
    this.#readColours();
    this.draw();
  }

  #readColours() {
    const names = ["ink", "muted", "rule", "line", "gap", "gap-edge", "good", "bad", "accent"];
    this.#colours = Object.fromEntries(names.map((name) => [name, colourOf(name)]));
    this.#colours.font = `${FONT_PX}px ${getComputedStyle(document.body).fontFamily}`;
  }

  /** Draw what there is. */
  draw() {
    const { newest } = this.#series;
    // A replay lives in another time than the engine's clock.
    const isOfNow = Number.isNaN(newest) || Math.abs(this.#nowS - newest) < KEPT_S;
    const right = isOfNow ? Math.max(this.#nowS, newest || 0) : newest;
    const left = right - this.#span(right);
    this.#bounds = [left, right];
    const from = Math.max(0, this.#series.before(left) - 1);
    const t = this.#series.t.slice(from);
    const p = this.#series.p.slice(from);
    if (t.length && right > newest) {
      t.push(right);
      p.push(p[p.length - 1]); // The last price holds until now.
    }
    this.plot.setData([t, p]);
  }

  /** As long as there is little to show, little is shown: a picture that is mostly empty tells less. */
  #span(right) {
    const known = this.#series.length ? right - this.#series.t[0] : this.windowS;
    return Math.min(this.windowS, Math.max(LEAST_S, known));
  }

  #fit() {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (width && height) this.plot.setSize({ width, height });
  }

  #allGaps() {
    if (!this.#openCause || !this.#series.length) return this.#gaps;
    return [...this.#gaps, [this.#series.newest, this.#bounds[1], this.#openCause]];
  }

  #options() {
    const axis = {
      stroke: () => this.#colours.muted,
      font: this.#colours.font,
      grid: { stroke: () => this.#colours.rule, width: 1 },
      ticks: { show: false },
    };
    return {
      width: Math.max(100, this.place.clientWidth),
      height: Math.max(100, this.place.clientHeight),
      padding: [12, 0, 0, 12],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 6, fill: () => this.#colours.line } },
      tzDate: (time) => uPlot.tzDate(new Date(time * 1e3), "Etc/UTC"),
      scales: { x: { range: () => this.#bounds }, y: { range: (_, low, high) => padded(low, high) } },
      axes: [
        { ...axis, size: 28, space: 90, values: timeTexts },
        { ...axis, side: 1, size: 84, gap: 8, space: 36, values: (_, at, __, ___, step) => priceTexts(at, step) },
      ],
      series: [
        {},
        {
          stroke: () => this.#colours.line,
          width: 1.25,
          points: { show: false },
          paths: uPlot.paths.stepped({ align: 1 }),
          gaps: () => this.#hidden(),
        },
      ],
      hooks: {
        drawClear: [() => this.#drawBands()],
        draw: [() => this.#drawSignals()],
        setCursor: [() => this.#tell()],
      },
    };
  }

  #x(time) {
    return this.plot.valToPos(time, "x", true);
  }

  #hidden() {
    const [left, right] = this.#bounds;
    const holes = holesOf(this.#allGaps(), this.#series, left, right);
    return holes.map(([start, end]) => [this.#x(Math.max(start, left)), this.#x(Math.min(end, right))]);
  }

  #drawBands() {
    const [left, right] = this.#bounds;
    const gaps = this.#allGaps().filter(([start, end]) => end >= left && start <= right);
    drawBands(this.plot, gaps, this.#colours);
  }

  #drawSignals() {
    const placed = this.#signals.map((signal) => ({ ...signal, price: this.#series.priceAt(signal.t) }));
    const [left, right] = this.#bounds;
    const isInSight = ({ t, price }) => t >= left && t <= right && !Number.isNaN(price);
    drawSignals(this.plot, placed.filter(isInSight), this.#colours);
  }

  #tell() {
    const { left } = this.plot.cursor;
    const words = left === undefined || left < 0 ? "" : this.#wordsAt(left);
    if (this.readout.textContent !== words) this.readout.textContent = words;
  }

  #wordsAt(left) {
    const time = this.plot.posToVal(left, "x");
    const when = timeOfDay(time * 1e6, 3);
    const near = this.#signals.find((one) => Math.abs(this.plot.valToPos(one.t, "x") - left) < REACH);
    if (near) return `${timeOfDay(near.time_us, 3)}  ${near.strategy}: ${near.name} ${fieldsOf(near)}`;
    const gap = this.#allGaps().find(([start, end]) => start <= time && time <= end);
    if (gap) return `${when}  not covered for ${duration(gap[1] - gap[0])}: ${gap[2]}`;
    const price = this.#series.priceAt(time);
    return Number.isNaN(price) ? when : `${when}  ${price.toLocaleString("en-US", { maximumFractionDigits: 8 })}`;
  }
}

/** A little room above and below; a price that never moved lies in the middle. */
function padded(low, high) {
  if (low === null || high === null) return [0, 1];
  const room = 0.08 * (high - low) || Math.abs(high) * 0.0005 || 1;
  return [low - room, high + room];
}

/** One that would reach over the edge is left out. */
function timeTexts(plot, times) {
  return times.map((time) => (plot.valToPos(time, "x") < 26 ? null : timeOfDay(time * 1e6)));
}

function priceTexts(prices, step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const form = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return prices.map((price) => price.toLocaleString("en-US", form));
}

function fieldsOf({ fields }) {
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}
