/** Where a price line is interrupted. Times in seconds. */

/**
 * Return the stretches over which no line may be drawn, ascending and apart.
 *
 * A gap hides the line until the next tick: what the price was between the end of the gap and that tick nobody told.
 *
 * @param {[number, number, string][]} gaps Start, end and cause of each.
 * @param {import("./series.js").Series} series
 * @param {number} left Where the picture begins,
 * @param {number} right and ends.
 * @returns {[number, number][]}
 */
export function holesOf(gaps, series, left, right) {
  const found = [];
  const inSight = gaps.filter(([start, end]) => end >= left && start <= right);
  for (const [start, end] of inSight.sort((one, other) => one[0] - other[0])) {
    const next = series.t[series.before(end)] ?? right;
    const last = found[found.length - 1];
    if (last && start <= last[1]) last[1] = Math.max(last[1], next);
    else found.push([start, next]);
  }
  return found;
}
