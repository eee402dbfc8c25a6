/** When an order is expected: its window from the 10th to the 90th percentile, and now as a line. */
import { now } from "../live/clock.ts";
import { barOf } from "../orders/window-bar.ts";
import type { Listed } from "../types.ts";
import { isFinal } from "./parts.tsx";

export function Window({ order }: { order: Listed }) {
  if (isFinal(order.status) || !order.eta) return <span class="soft">–</span>;
  const bar = barOf(order, now.value);
  if (!bar) return null;
  return (
    <svg
      class={bar.late ? "window late" : "window"}
      viewBox="0 0 100 12"
      preserveAspectRatio="none"
      role="img"
      aria-label={bar.text}
    >
      <title>{bar.text}</title>
      <rect class="track" x="0" y="5" width="100" height="2" />
      <rect class="span" x={bar.from} y="2" width={Math.max(1, bar.to - bar.from)} height="8" />
      <path class="middle" d={`M${bar.middle} 2V10`} />
      <path class="now" d={`M${bar.now} 0V12`} />
    </svg>
  );
}
