/**
 * The poll schedule: when to poll, if an order is expected between `lo` and `hi`. Pure; the same
 * rule as the service's own, so that `poll_after_ms` and a client that obeys the schedule agree.
 *
 * @module
 */

/** What one poll is worth: a delay of this share of the order's time. */
const POLL_COST = 0.05;
/** Where in its first step a window is polled first. */
const FIRST = 0.55;
/** The shortest time between two polls, in seconds. */
const SHORTEST = 0.1;
/** How much rarer polls become after the window, as a share of the time since. */
const LATE = 0.1;

/** The polls of one order, in seconds since it was accepted. */
export interface Schedule {
  /** The 10th percentile of when the order is done. */
  readonly lo: number;
  /** The 90th percentile. */
  readonly hi: number;
  /** When to poll next. */
  readonly next: number;
}

/** The schedule of an order that is expected `lo` to `hi` seconds after it was accepted. */
export function schedule(lo: number, hi: number): Schedule {
  const w = window(lo, hi);
  return { ...w, next: w.lo + FIRST * step(w) };
}

/** After a poll on time that returned no newer window. */
export function polled(s: Schedule): Schedule {
  return { ...s, next: s.next + step(s) + LATE * Math.max(0, s.next - s.hi) };
}

/** After a poll on time that returned a newer window. */
export function moved(s: Schedule, lo: number, hi: number): Schedule {
  const w = window(lo, hi);
  const d = step(w);
  return { ...w, next: Math.max(s.next + d, w.lo + FIRST * d) };
}

/** `wait` plus or minus 10 %, by `random` in [0, 1), so that the clients of a burst spread out. */
export function jittered(wait: number, random: number): number {
  return wait * (0.9 + 0.2 * Math.min(1, Math.max(0, random)));
}

function window(lo: number, hi: number): { lo: number; hi: number } {
  const from = Number.isFinite(lo) ? Math.max(0, lo) : 0;
  return { lo: from, hi: Number.isFinite(hi) ? Math.max(from, hi) : from };
}

function step(w: { lo: number; hi: number }): number {
  return Math.max(SHORTEST, Math.sqrt(POLL_COST * (w.hi - w.lo) * w.hi));
}
