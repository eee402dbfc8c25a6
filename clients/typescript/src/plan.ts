/**
 * When to look next at one order: the schedule, laid on the clocks. Pure.
 *
 * `local` is our own clock's time, everything else the service's; all in milliseconds since 1970.
 *
 * @module
 */

import { type Clock, isKnown, serviceTime } from "./clock.js";
import { type Schedule, looked, moved, schedule } from "./schedule.js";
import type { SavedReceipt, StatusObject } from "./types.js";

/** Between two looks, whatever anybody says. */
const SHORTEST = 100;
/** Between two looks, where nothing says when the order may be done. */
const UNGUIDED = 2_000;
/** How much that time grows with each look that finds nothing new. */
const RARER = 1.1;
/** How long it takes a worker to hear that it should stop, as far as is known. */
const SECONDS = 5_000;
/** A receipt states its window to a tenth of a second: a difference of that size is none. */
const ROUNDING = 101;

interface Span {
  readonly from: number;
  readonly to: number;
}

/** The looks at one order. */
export interface Plan {
  /** When the order was placed: the zero of the schedule. */
  readonly origin: number;
  /** When it should be done, where that is known. */
  readonly window: Span | null;
  /** The looks by the window; `null` where there is none. */
  readonly schedule: Schedule | null;
  /** Where there is no window: the next look. */
  readonly due: number;
  /** Where there is no window, or no knowing what time it is: the time between two looks. */
  readonly every: number;
  /** Whether the order was asked to end soon, whatever its estimate says. */
  readonly hurried: boolean;
  /** The latest time for the next look by our own clock, as long as nobody has told how wrong that is. */
  readonly cap: number;
}

/** The looks that a receipt asks for. */
export function begin(receipt: SavedReceipt, clock: Clock, local: number): Plan {
  const now = serviceTime(clock, local);
  const every = pollAfter(receipt.poll_after_ms) ?? UNGUIDED;
  const at = Date.parse(receipt.eta?.at ?? "");
  if (!receipt.eta || Number.isNaN(at)) {
    const due = receipt.poll_after_ms === undefined ? now : now + every;
    return { origin: now, window: null, schedule: null, due, every, hurried: false, cap: Infinity };
  }
  const { seconds, p10_seconds: lo, p90_seconds: hi } = receipt.eta;
  const origin = at - seconds * 1_000;
  const s = schedule(lo, hi);
  // However late it is taken up, the order was placed before.
  const cap = local + s.next * 1_000;
  const window = { from: origin + lo * 1_000, to: origin + hi * 1_000 };
  return { origin, window, schedule: s, due: now, every, hurried: false, cap };
}

/** After the order was asked, at `local`, to end within seconds. */
export function hurry(plan: Plan, clock: Clock, local: number): Plan {
  const window = { from: serviceTime(clock, local), to: serviceTime(clock, local) + SECONDS };
  const s = schedule(0, SECONDS / 1_000);
  return { ...plan, origin: window.from, window, schedule: s, hurried: true, cap: local + s.next * 1_000 };
}

/** After a look, begun at `local`, that found this object, or nothing new. */
export function afterLook(plan: Plan, object: StatusObject | null, clock: Clock, local: number): Plan {
  const now = serviceTime(clock, local);
  const after = object ? pollAfter(object.poll_after_ms) : null;
  const every = after ?? plan.every * RARER;
  const cap = local + every;
  // An object that says nothing of the end does not take back what was said of it.
  const window = (object && spanOf(object)) ?? plan.window;
  if (object && window && !plan.hurried && !same(window, plan.window)) {
    const parsed = Date.parse(object.created_at);
    const origin = Number.isNaN(parsed) ? now : parsed;
    const seconds = (at: number) => (at - origin) / 1_000;
    // The look that was just made is the one to count from.
    const s = moved({ lo: 0, hi: 0, next: seconds(now) }, seconds(window.from), seconds(window.to));
    return { ...plan, origin, window, schedule: s, every, cap };
  }
  if (window && plan.schedule) {
    return { ...plan, schedule: onward(plan.schedule, (now - plan.origin) / 1_000), every, cap };
  }
  const written = Date.parse(object?.updated_at ?? "") + every;
  return { ...plan, due: written >= now + SHORTEST ? written : now + every, every, cap };
}

/** The time from `local` to the next look, before jitter, in milliseconds. */
export function untilLook(plan: Plan, clock: Clock, local: number): number {
  const at = plan.schedule ? plan.origin + plan.schedule.next * 1_000 : plan.due;
  const wait = at - serviceTime(clock, local);
  return Math.max(0, isKnown(clock) ? wait : Math.min(wait, plan.cap - local));
}

/** After a look, `seconds` after the order, that changed nothing. */
function onward(s: Schedule, seconds: number): Schedule {
  const next = looked(s);
  // A program that slept has missed looks: this one made up for all of them, and the schedule goes on from here.
  return next.next < seconds + SHORTEST / 1_000 ? looked({ ...s, next: seconds }) : next;
}

function spanOf(object: StatusObject): Span | null {
  const span = { from: Date.parse(object.eta?.earliest_at ?? ""), to: Date.parse(object.eta?.latest_at ?? "") };
  return Number.isNaN(span.from) || Number.isNaN(span.to) ? null : span;
}

function same(a: Span, b: Span | null): boolean {
  return b !== null && Math.abs(a.from - b.from) <= ROUNDING && Math.abs(a.to - b.to) <= ROUNDING;
}

function pollAfter(ms: number | null | undefined): number | null {
  return typeof ms === "number" && Number.isFinite(ms) ? Math.max(SHORTEST, ms) : null;
}
