/** What was predicted of an order, and what came of it. Pure. */
import type { EtaWindow, Listed } from "../types.ts";

export interface Sample {
  id: string;
  kind: string;
  endedAt: number;
  /** Seconds from acceptance: the median that was predicted, its window, and the truth. */
  predicted: number;
  p10: number;
  p90: number;
  real: number;
}

/** The sample of an order that has ended. */
export function sampleOf(order: Listed, eta: EtaWindow): Sample | undefined {
  if (order.status !== "completed" || !order.finished_at) return undefined;
  const start = Date.parse(order.created_at);
  const seconds = (text: string): number => (Date.parse(text) - start) / 1_000;
  return {
    id: order.id,
    kind: order.kind ?? "order",
    endedAt: Date.parse(order.finished_at),
    predicted: seconds(eta.at),
    p10: seconds(eta.earliest_at),
    p90: seconds(eta.latest_at),
    real: seconds(order.finished_at),
  };
}

/** The shares of orders that ended before each percentile. */
export function coverage(of: readonly Sample[]): { p10: number; p50: number; p90: number } | undefined {
  if (of.length === 0) return undefined;
  const share = (holds: (one: Sample) => boolean): number => of.filter(holds).length / of.length;
  return {
    p10: share(({ real, p10 }) => real <= p10),
    p50: share(({ real, predicted }) => real <= predicted),
    p90: share(({ real, p90 }) => real <= p90),
  };
}
