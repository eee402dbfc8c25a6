import assert from "node:assert/strict";
import { test } from "node:test";

import { type Clock, UNKNOWN, isKnown, observe, observeDate, serviceTime } from "../src/clock.js";

const TEN_MINUTES = 600_000;
const NOON = Date.UTC(2026, 10, 20, 12);

/** A clock after a response of a service whose clock is ahead by `ahead`, at our `local`. */
function after(clock: Clock, local: number, ahead: number): Clock {
  const date = new Date(local + ahead).toUTCString();
  return observeDate(clock, { sentAt: local - 20, receivedAt: local + 20 }, date);
}

test("a clock that is minutes off is corrected to the second", () => {
  for (const ahead of [TEN_MINUTES, -TEN_MINUTES, 5_000, -5_000]) {
    const clock = after(UNKNOWN, NOON + 637, ahead);
    assert.ok(Math.abs(serviceTime(clock, NOON) - (NOON + ahead)) <= 520, `${ahead}`);
  }
});

test("several responses are more exact than one", () => {
  let clock = UNKNOWN;
  for (let i = 0; i < 20; i++) {
    clock = after(clock, NOON + i * 1_050, TEN_MINUTES);
  }
  assert.ok(Math.abs(serviceTime(clock, NOON) - (NOON + TEN_MINUTES)) <= 50);
});

test("a right clock is left alone, though a Date has whole seconds", () => {
  for (const ms of [0, 1, 499, 500, 998, 999]) {
    assert.equal(serviceTime(after(UNKNOWN, NOON + ms, 0), NOON), NOON);
  }
});

test("a clock that is set in between is estimated anew", () => {
  const clock = after(after(UNKNOWN, NOON, 0), NOON + 60_000, TEN_MINUTES);
  assert.ok(Math.abs(serviceTime(clock, NOON) - NOON - TEN_MINUTES) <= 520);
});

test("without a date nothing is learned", () => {
  const exchange = { sentAt: NOON, receivedAt: NOON };
  for (const date of [null, "", "yesterday"]) {
    assert.deepEqual(observeDate(UNKNOWN, exchange, date), UNKNOWN);
  }
  assert.ok(!isKnown(UNKNOWN));
  assert.equal(serviceTime(UNKNOWN, NOON), NOON);
});

test("an object cannot have been written in the future", () => {
  const exchange = { sentAt: NOON, receivedAt: NOON };
  const behind = observe(UNKNOWN, exchange, NOON + TEN_MINUTES, Infinity);
  assert.equal(serviceTime(behind, NOON), NOON + TEN_MINUTES);
  assert.ok(!isKnown(behind));
  const old = observe(UNKNOWN, exchange, NOON - TEN_MINUTES, Infinity);
  assert.equal(serviceTime(old, NOON), NOON);
});
