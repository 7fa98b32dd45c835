/** What is painted on the chart beside its line: bands for gaps, and signals. On a canvas, in its own pixels. */

export const FONT_PX = 11;

const SHAPES = {
  buy: [[0, 1], [1, 3], [-1, 3]], // below the line and pointing up
  sell: [[0, -1], [1, -3], [-1, -3]], // above it and pointing down
  other: [[0, -1], [1, 0], [0, 1], [-1, 0]],
};
const SIZE_PX = 5;

/** Shade each gap, [start, end, cause], from top to bottom, and name its cause where there is room. */
export function drawBands(plot, gaps, colours) {
  clipped(plot, (context, { left, top, height }, ratio) => {
    context.font = colours.font.replace(`${FONT_PX}px`, `${FONT_PX * ratio}px`);
    context.textBaseline = "top";
    const pad = 5 * ratio;
    for (const [start, end, cause] of gaps) {
      const x = plot.valToPos(start, "x", true);
      const width = Math.max(2 * ratio, plot.valToPos(end, "x", true) - x);
      context.fillStyle = colours.gap;
      context.fillRect(x, top, width, height);
      context.fillStyle = colours["gap-edge"];
      context.fillRect(x, top, width, 2 * ratio);
      const from = Math.max(x, left) + pad;
      if (from + context.measureText(cause).width + pad < x + width) context.fillText(cause, from, top + pad + ratio);
    }
  });
}

/** Mark each signal at the price that held: an arrow to buy or to sell, a diamond for all else. */
export function drawSignals(plot, signals, colours) {
  clipped(plot, (context, _, ratio) => {
    for (const signal of signals) {
      const kind = kindOf(signal);
      const [x, y] = [plot.valToPos(signal.t, "x", true), plot.valToPos(signal.price, "y", true)];
      context.fillStyle = colours[{ buy: "good", sell: "bad" }[kind] ?? "accent"];
      context.beginPath();
      for (const [dx, dy] of SHAPES[kind]) context.lineTo(x + dx * SIZE_PX * ratio, y + dy * SIZE_PX * ratio);
      context.closePath();
      context.fill();
    }
  });
}

/** Whether a signal is one to buy or to sell, which its field `side` or its name says. */
function kindOf({ name, fields }) {
  const side = String(fields.side ?? name).toLowerCase();
  return side === "buy" || side === "sell" ? side : "other";
}

function clipped({ ctx: context, bbox }, paint) {
  context.save();
  context.beginPath();
  context.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  context.clip();
  paint(context, bbox, devicePixelRatio);
  context.restore();
}
