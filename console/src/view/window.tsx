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
    <span
      class={bar.late ? "window late" : "window"}
      style={{
        "--from": `${bar.from}%`,
        "--to": `${Math.max(bar.from + 1, bar.to)}%`,
        "--middle": `${bar.middle}%`,
        "--now": `${bar.now}%`,
      }}
      role="img"
      aria-label={bar.text}
      title={bar.text}
    />
  );
}
