/**
 * When to poll one order next: its schedule, on the clocks of service and client. Pure.
 *
 * `local` is our own clock's time, everything else the service's; all in milliseconds since 1970.
 *
 * @module
 */

import { type Clock, isKnown, serviceTime } from "./clock.js";
import { type Schedule, moved, polled, schedule } from "./schedule.js";
import type { SavedReceipt, StatusObject } from "./types.js";

/** The shortest time between two polls, even if the service asks for less. */
const SHORTEST = 100;
/** The time between two polls, where nothing says when the order may be done. */
const DEFAULT_INTERVAL = 2_000;
/** How much that time grows with each poll that returns nothing new. */
const INTERVAL_GROWTH = 1.1;
/** How long a worker may take to stop after a cancellation, as far as is known. */
const CANCEL_WITHIN = 5_000;
/** A receipt states its window to a tenth of a second: a smaller difference is rounding. */
const ROUNDING = 101;

/** When an order should be done: its 10th and 90th percentile. */
interface Window {
  readonly from: number;
  readonly to: number;
}

/** The polls of one order. */
export interface Plan {
  /** When the order was accepted: the zero of the schedule. */
  readonly origin: number;
  /** When the order should be done, where that is known. */
  readonly window: Window | null;
  /** The schedule for the window; `null` where there is none. */
  readonly schedule: Schedule | null;
  /** The next poll, where there is no window. */
  readonly due: number;
  /** The time between two polls, where there is no window or the service's time is unknown. */
  readonly interval: number;
  /**
   * Whether cancellation was requested, so that the order should end soon whatever its estimate.
   */
  readonly cancelling: boolean;
  /** The latest time for the next poll by our own clock, while the service's time is unknown. */
  readonly cap: number;
}

/** The polls that a receipt asks for. */
export function plan(receipt: SavedReceipt, clock: Clock, local: number): Plan {
  const now = serviceTime(clock, local);
  const interval = pollAfter(receipt.poll_after_ms) ?? DEFAULT_INTERVAL;
  const at = Date.parse(receipt.eta?.at ?? "");
  if (!receipt.eta || Number.isNaN(at)) {
    const due = receipt.poll_after_ms === undefined ? now : now + interval;
    return { origin: now, window: null, schedule: null, due, interval, cancelling: false, cap: Infinity };
  }
  const { seconds, p10_seconds: lo, p90_seconds: hi } = receipt.eta;
  const origin = at - seconds * 1_000;
  const s = schedule(lo, hi);
  // However late the receipt is used, the order was accepted before.
  const cap = local + s.next * 1_000;
  const window = { from: origin + lo * 1_000, to: origin + hi * 1_000 };
  return { origin, window, schedule: s, due: now, interval, cancelling: false, cap };
}

/** After cancellation was requested at `local`. */
export function afterCancel(plan: Plan, clock: Clock, local: number): Plan {
  const now = serviceTime(clock, local);
  const s = schedule(0, CANCEL_WITHIN / 1_000);
  const window = { from: now, to: now + CANCEL_WITHIN };
  return { ...plan, origin: now, window, schedule: s, cancelling: true, cap: local + s.next * 1_000 };
}

/** After a poll, sent at `local`, that returned this object, or nothing new. */
export function afterPoll(plan: Plan, object: StatusObject | null, clock: Clock, local: number): Plan {
  const now = serviceTime(clock, local);
  const interval = (object && pollAfter(object.poll_after_ms)) ?? plan.interval * INTERVAL_GROWTH;
  const cap = local + interval;
  // An object without an estimate does not take back an earlier one.
  const window = (object && windowOf(object)) ?? plan.window;
  if (object && window && !plan.cancelling && !isNear(window, plan.window)) {
    const parsed = Date.parse(object.created_at);
    const origin = Number.isNaN(parsed) ? now : parsed;
    const seconds = (at: number) => (at - origin) / 1_000;
    // The schedule counts from the poll that was just made.
    const s = moved({ lo: 0, hi: 0, next: seconds(now) }, seconds(window.from), seconds(window.to));
    return { ...plan, origin, window, schedule: s, interval, cap };
  }
  if (window && plan.schedule) {
    return { ...plan, schedule: onward(plan.schedule, (now - plan.origin) / 1_000), interval, cap };
  }
  const afterWrite = Date.parse(object?.updated_at ?? "") + interval;
  return { ...plan, due: afterWrite >= now + SHORTEST ? afterWrite : now + interval, interval, cap };
}

/** The time from `local` to the next poll, before jitter, in milliseconds. */
export function untilPoll(plan: Plan, clock: Clock, local: number): number {
  const at = plan.schedule ? plan.origin + plan.schedule.next * 1_000 : plan.due;
  const wait = at - serviceTime(clock, local);
  return Math.max(0, isKnown(clock) ? wait : Math.min(wait, plan.cap - local));
}

/** After a poll, `seconds` after the order was accepted, that changed nothing. */
function onward(s: Schedule, seconds: number): Schedule {
  const next = polled(s);
  // After a suspension this one poll replaces all that were missed.
  return next.next < seconds + SHORTEST / 1_000 ? polled({ ...s, next: seconds }) : next;
}

function windowOf(object: StatusObject): Window | null {
  const window = { from: Date.parse(object.eta?.earliest_at ?? ""), to: Date.parse(object.eta?.latest_at ?? "") };
  return Number.isNaN(window.from) || Number.isNaN(window.to) ? null : window;
}

function isNear(a: Window, b: Window | null): boolean {
  return b !== null && Math.abs(a.from - b.from) <= ROUNDING && Math.abs(a.to - b.to) <= ROUNDING;
}

function pollAfter(ms: number | null | undefined): number | null {
  return typeof ms === "number" && Number.isFinite(ms) ? Math.max(SHORTEST, ms) : null;
}
