import assert from "node:assert/strict";
import { test } from "node:test";

import { type Clock, UNKNOWN } from "../src/clock.js";
import { type Plan, afterLook, begin, untilLook } from "../src/plan.js";
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

/** The time between two looks in a window, and where the first one is: the schedule's own tests say why. */
const step = (lo: number, hi: number) => Math.max(0.1, Math.sqrt(0.05 * (hi - lo) * hi));
const first = (lo: number, hi: number) => lo + 0.55 * step(lo, hi);
const [STEP, FIRST] = [step(9, 20), first(9, 20)];

const near = (a: number, b: number, why?: string) => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}${why ? `: ${why}` : ""}`);

/** Seconds until the next look. */
const wait = (plan: Plan, clock: Clock, seconds: number) => untilLook(plan, clock, at(seconds)) / 1_000;

test("the first look comes when the schedule says, however late the receipt is taken up", () => {
  const plan = (seconds: number) => begin(RECEIPT, RIGHT, at(seconds));
  near(wait(plan(0), RIGHT, 0), FIRST);
  near(wait(plan(8), RIGHT, 8), FIRST - 8);
  assert.equal(wait(plan(50), RIGHT, 50), 0);
});

test("a look without news is followed by the next one of the schedule", () => {
  const plan = afterLook(begin(RECEIPT, RIGHT, at(0)), null, RIGHT, at(10.7));
  near(wait(plan, RIGHT, 10.7), FIRST + STEP - 10.7);
});

test("news without a newer window do not change the schedule", () => {
  const plan = begin(RECEIPT, RIGHT, at(0));
  // Rounded as a receipt is.
  const news = afterLook(plan, object([9.04, 19.96]), RIGHT, at(10.7));
  assert.deepEqual(news.schedule, afterLook(plan, null, RIGHT, at(10.7)).schedule);
});

test("a newer window is taken, and the last look is the one to count from", () => {
  const plan = begin(RECEIPT, RIGHT, at(0));
  near(wait(afterLook(plan, object([100, 120]), RIGHT, at(10.7)), RIGHT, 10.7), first(100, 120) - 10.7);
  const soon = afterLook(plan, object([11, 12]), RIGHT, at(11));
  near(wait(soon, RIGHT, 11), step(11, 12), "one step of the new window");
});

test("an object without a window takes none away", () => {
  const plan = begin(RECEIPT, RIGHT, at(0));
  assert.deepEqual(afterLook(plan, object(null), RIGHT, at(10.7)).schedule, afterLook(plan, null, RIGHT, at(10.7)).schedule);
});

test("a program that slept goes on from now", () => {
  const slept = afterLook(begin(RECEIPT, RIGHT, at(0)), null, RIGHT, at(1_020));
  near(wait(slept, RIGHT, 1_020), STEP + 100, "a step, and a tenth of the lateness");
});

test("a clock that is off does not shift the looks", () => {
  for (const off of [600, -600]) {
    const clock = { least: -off * 1_000, most: -off * 1_000 };
    const plan = begin(RECEIPT, clock, at(off));
    near(wait(plan, clock, off), FIRST);
    near(wait(afterLook(plan, object([100, 120]), clock, at(off + 11)), clock, off + 11), first(100, 120) - 11);
  }
});

test("while nobody has told how wrong the clock is, no wait is longer than what was said when it was said", () => {
  near(wait(begin(RECEIPT, UNKNOWN, at(-600)), UNKNOWN, -600), FIRST);
  const plan = afterLook(begin(RECEIPT, UNKNOWN, at(-600)), object([100, 120]), UNKNOWN, at(-600));
  assert.equal(wait(plan, UNKNOWN, -600), 5);
  assert.equal(wait(afterLook(plan, null, UNKNOWN, at(-595)), UNKNOWN, -595), 5.5);
});

test("without a window the service names the time", () => {
  const { eta: _, ...bare } = RECEIPT;
  const plan = begin({ ...bare, poll_after_ms: 7_000 }, RIGHT, at(0));
  assert.equal(wait(plan, RIGHT, 0), 7);
  const named = afterLook(plan, object(null, { updated_at: text(6) }), RIGHT, at(7));
  assert.equal(wait(named, RIGHT, 7), 4, "from when it was written");
  assert.equal(wait(afterLook(named, null, RIGHT, at(11)), RIGHT, 11), 5.5, "rarer and rarer");
  const old = afterLook(plan, object(null), RIGHT, at(1_000));
  assert.equal(wait(old, RIGHT, 1_000), 5, "from now, if that is long ago");
});

test("with nothing to go by it looks at once, then about every two seconds, and never in a tight loop", () => {
  const plan = begin({ id: "x", order_token: "t" }, RIGHT, at(0));
  assert.equal(wait(plan, RIGHT, 0), 0);
  const silent = { poll_after_ms: null, updated_at: "nonsense" };
  assert.equal(wait(afterLook(plan, object(null, silent), RIGHT, at(1)), RIGHT, 1), 2.2);
  const hasty = afterLook(plan, object(null, { poll_after_ms: 0 }), RIGHT, at(100));
  assert.equal(wait(hasty, RIGHT, 100), 0.1);
});
