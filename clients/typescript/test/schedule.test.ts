import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { jittered, moved, polled, schedule } from "../src/schedule.js";

interface Golden {
  lo: number;
  /** `null` for NaN. */
  hi: number | null;
  /** After each poll: the newer window that it returned, if any. */
  moves: ([number, number] | null)[];
  /** When to poll. */
  polls: number[];
}

test("the schedule is the service's own", () => {
  const golden = JSON.parse(
    readFileSync(new URL("../../../golden/schedule.json", import.meta.url), "utf8"),
  ) as Golden[];
  assert.ok(golden.length >= 9);
  for (const { lo, hi, moves, polls } of golden) {
    let s = schedule(lo, hi ?? NaN);
    const ours = [s.next];
    for (const move of moves) {
      s = move ? moved(s, ...move) : polled(s);
      ours.push(s.next);
    }
    assert.equal(ours.length, polls.length);
    ours.forEach((t, i) =>
      assert.ok(Math.abs(t - polls[i]!) < 1e-9, `${lo}..${hi}: poll ${i} at ${t}, not ${polls[i]}`),
    );
  }
});

test("polls go forward and become rarer", () => {
  for (const [lo, width] of [
    [-10, 0],
    [0, 0],
    [0, 0.2],
    [5, -3],
    [9, 11],
    [1e5, 1e5],
  ] as const) {
    let s = schedule(lo, lo + width);
    let gap = 0;
    for (let i = 0; i < 60; i++) {
      const next = polled(s);
      const g = next.next - s.next;
      assert.ok(g >= 0.1 - 1e-9 && g >= gap - 1e-6, `${g} after ${gap}`);
      [gap, s] = [g, next];
    }
  }
});

test("an order that ends in its window takes few polls", () => {
  let s = schedule(9, 20);
  let polls = 1;
  for (; s.next < 12.4; polls++) {
    s = polled(s);
  }
  assert.ok(polls <= 3 && s.next - 12.4 < 3.4);
});

test("jitter is at most a tenth either way", () => {
  assert.equal(jittered(100, 0), 90);
  assert.equal(jittered(100, 0.5), 100);
  assert.ok(jittered(100, 0.999999) < 110.001);
});
