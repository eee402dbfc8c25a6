/** Sixty minutes in a line. */
import type { Series } from "../types.ts";

const WIDTH = 120;
const HEIGHT = 28;

export function Spark({ series, of }: { series: Series | undefined; of: string }) {
  const values = series ?? [];
  const known = values.filter((value) => value !== null);
  const most = Math.max(...known, 0);
  const x = (index: number): number => (index / Math.max(1, values.length - 1)) * WIDTH;
  const y = (value: number): number => HEIGHT - 2 - (most === 0 ? 0 : (value / most) * (HEIGHT - 4));
  let line = "";
  let area = "";
  let start: number | undefined;
  const close = (index: number): void => {
    if (start !== undefined) area += `L${x(index).toFixed(1)} ${HEIGHT}L${x(start).toFixed(1)} ${HEIGHT}Z`;
    start = undefined;
  };
  values.forEach((value, index) => {
    if (value === null) return close(index - 1);
    const point = `${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
    line += `${start === undefined ? "M" : "L"}${point}`;
    area += `${start === undefined ? "M" : "L"}${point}`;
    start ??= index;
  });
  close(values.length - 1);
  const text = known.length > 0 ? `${of}: the last 60 minutes, ${most} at most` : `${of}: not known yet`;
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={text}>
      <path class="area" d={area} />
      <path class="line" d={line} />
    </svg>
  );
}
