/** Where the window of an order is, in a bar from its acceptance to whatever comes last. Pure. */
import { duration } from "../time.ts";
import type { Listed } from "../types.ts";

export interface Bar {
  from: number;
  to: number;
  middle: number;
  now: number;
  late: boolean;
  text: string;
}

/** The bar in percent of its width. */
export function barOf(order: Listed, at: number): Bar | undefined {
  if (!order.eta) return undefined;
  const start = Date.parse(order.created_at);
  const [early, middle, late] = [order.eta.earliest_at, order.eta.at, order.eta.latest_at].map(Date.parse) as [
    number,
    number,
    number,
  ];
  const end = order.finished_at ? Date.parse(order.finished_at) : at;
  const width = Math.max(late, end, start + 1_000) - start;
  const percent = (time: number): number => Math.min(100, Math.max(0, ((time - start) / width) * 100));
  const rest = late - end;
  const text = rest >= 0 ? `expected within ${duration(rest)}` : `${duration(-rest)} later than expected`;
  return { from: percent(early), to: percent(late), middle: percent(middle), now: percent(end), late: rest < 0, text };
}
