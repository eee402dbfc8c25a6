import assert from "node:assert/strict";
import { test } from "node:test";

import { type Clock, UNKNOWN } from "../src/clock.js";
import { type Plan, afterPoll, plan, untilPoll } from "../src/plan.js";
import type { SavedReceipt, StatusObject } from "../src/index.js";

const ORIGIN = Date.UTC(2026, 10, 20, 12);
const RIGHT: Clock = { least: 0, most: 0 };
const at = (seconds: number) => ORIGIN + seconds * 1_000;
const text = (seconds: number) => new Date(at(seconds)).toISOString();

/** Expected 9 to 20 s after the order. */
const RECEIPT: SavedReceipt = {
  id: "x",
  order_token: "t",
  eta: { seconds: 12, p10_seconds: 9, p90_seconds: 20, at: text(12), queue_depth: 0, basis: "measured" },
  poll_after_ms: 10_650,
};

function object(eta: [number, number] | null, more: Partial<StatusObject> = {}): StatusObject {
  const window = eta && { earliest_at: text(eta[0]), at: text((eta[0] + eta[1]) / 2), latest_at: text(eta[1]) };
  return { created_at: text(0), updated_at: text(4), poll_after_ms: 5_000, eta: window, ...more } as StatusObject;
}

/**
 * The time between two polls in a window, and when the first one is: see the tests of the schedule.
 */
const step = (lo: number, hi: number) => Math.max(0.1, Math.sqrt(0.05 * (hi - lo) * hi));
const first = (lo: number, hi: number) => lo + 0.55 * step(lo, hi);
const [STEP, FIRST] = [step(9, 20), first(9, 20)];

const near = (a: number, b: number, why?: string) =>
  assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}${why ? `: ${why}` : ""}`);

/** Seconds until the next poll. */
const wait = (plan: Plan, clock: Clock, seconds: number) => untilPoll(plan, clock, at(seconds)) / 1_000;

test("the first poll is the schedule's, however late the receipt is used", () => {
  const begun = (seconds: number) => plan(RECEIPT, RIGHT, at(seconds));
  near(wait(begun(0), RIGHT, 0), FIRST);
  near(wait(begun(8), RIGHT, 8), FIRST - 8);
  assert.equal(wait(begun(50), RIGHT, 50), 0);
});

test("after a poll without news comes the schedule's next", () => {
  const p = afterPoll(plan(RECEIPT, RIGHT, at(0)), null, RIGHT, at(10.7));
  near(wait(p, RIGHT, 10.7), FIRST + STEP - 10.7);
});

test("news without a newer window do not change the schedule", () => {
  const p = plan(RECEIPT, RIGHT, at(0));
  // Rounded as a receipt is.
  const news = afterPoll(p, object([9.04, 19.96]), RIGHT, at(10.7));
  assert.deepEqual(news.schedule, afterPoll(p, null, RIGHT, at(10.7)).schedule);
});

test("a newer window counts from the last poll", () => {
  const p = plan(RECEIPT, RIGHT, at(0));
  near(wait(afterPoll(p, object([100, 120]), RIGHT, at(10.7)), RIGHT, 10.7), first(100, 120) - 10.7);
  const soon = afterPoll(p, object([11, 12]), RIGHT, at(11));
  near(wait(soon, RIGHT, 11), step(11, 12), "one step of the new window");
});

test("an object without a window does not take back an earlier one", () => {
  const p = plan(RECEIPT, RIGHT, at(0));
  assert.deepEqual(afterPoll(p, object(null), RIGHT, at(10.7)).schedule, afterPoll(p, null, RIGHT, at(10.7)).schedule);
});

test("a suspended program goes on from now", () => {
  const slept = afterPoll(plan(RECEIPT, RIGHT, at(0)), null, RIGHT, at(1_020));
  near(wait(slept, RIGHT, 1_020), STEP + 100, "a step, and a tenth of the lateness");
});

test("a clock that is off does not shift the polls", () => {
  for (const off of [600, -600]) {
    const clock = { least: -off * 1_000, most: -off * 1_000 };
    const p = plan(RECEIPT, clock, at(off));
    near(wait(p, clock, off), FIRST);
    near(wait(afterPoll(p, object([100, 120]), clock, at(off + 11)), clock, off + 11), first(100, 120) - 11);
  }
});

test("while the clock is unknown, no wait is longer than poll_after_ms", () => {
  near(wait(plan(RECEIPT, UNKNOWN, at(-600)), UNKNOWN, -600), FIRST);
  const p = afterPoll(plan(RECEIPT, UNKNOWN, at(-600)), object([100, 120]), UNKNOWN, at(-600));
  assert.equal(wait(p, UNKNOWN, -600), 5);
  assert.equal(wait(afterPoll(p, null, UNKNOWN, at(-595)), UNKNOWN, -595), 5.5);
});

test("without a window poll_after_ms is obeyed", () => {
  const { eta: _, ...bare } = RECEIPT;
  const p = plan({ ...bare, poll_after_ms: 7_000 }, RIGHT, at(0));
  assert.equal(wait(p, RIGHT, 0), 7);
  const named = afterPoll(p, object(null, { updated_at: text(6) }), RIGHT, at(7));
  assert.equal(wait(named, RIGHT, 7), 4, "from when it was written");
  assert.equal(wait(afterPoll(named, null, RIGHT, at(11)), RIGHT, 11), 5.5, "rarer and rarer");
  const old = afterPoll(p, object(null), RIGHT, at(1_000));
  assert.equal(wait(old, RIGHT, 1_000), 5, "from now, if that is long ago");
});

test("with no estimate it polls at once, then about every two seconds", () => {
  const p = plan({ id: "x", order_token: "t" }, RIGHT, at(0));
  assert.equal(wait(p, RIGHT, 0), 0);
  const silent = { poll_after_ms: null, updated_at: "nonsense" };
  assert.equal(wait(afterPoll(p, object(null, silent), RIGHT, at(1)), RIGHT, 1), 2.2);
  const hasty = afterPoll(p, object(null, { poll_after_ms: 0 }), RIGHT, at(100));
  assert.equal(wait(hasty, RIGHT, 100), 0.1);
});
