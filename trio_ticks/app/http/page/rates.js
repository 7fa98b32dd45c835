/** Rates, from the counts of one state and the next. */

export class Rates {
  #before = new Map();
  #now = new Map();
  #beforeUs = 0;
  #nowUs = 0;

  /** Begin with a new state; what was counted in the last one is what the rates compare with. */
  turn(nowUs) {
    if (nowUs === this.#nowUs) return;
    [this.#before, this.#now] = [this.#now, new Map()];
    [this.#beforeUs, this.#nowUs] = [this.#nowUs, nowUs];
  }

  /** Return how fast a count grows, per second; null while there is nothing to compare with. */
  of(key, value) {
    this.#now.set(key, value);
    const before = this.#before.get(key);
    // A count that went back belongs to another process.
    if (before === undefined || value < before || this.#nowUs <= this.#beforeUs) return null;
    return (value - before) / ((this.#nowUs - this.#beforeUs) / 1e6);
  }
}
