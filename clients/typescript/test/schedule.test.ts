import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { jittered, looked, moved, schedule } from "../src/schedule.js";

interface Golden {
  lo: number;
  /** `null` for a number that is none. */
  hi: number | null;
  /** After each look: the newer window that it found, if any. */
  moves: ([number, number] | null)[];
  polls: number[];
}

test("the looks are those of the service's own schedule", () => {
  const golden = JSON.parse(readFileSync(new URL("../../../golden/schedule.json", import.meta.url), "utf8")) as Golden[];
  assert.ok(golden.length >= 9);
  for (const { lo, hi, moves, polls: looks } of golden) {
    let s = schedule(lo, hi ?? NaN);
    const ours = [s.next];
    for (const move of moves) {
      s = move ? moved(s, ...move) : looked(s);
      ours.push(s.next);
    }
    assert.equal(ours.length, looks.length);
    ours.forEach((t, i) => assert.ok(Math.abs(t - looks[i]!) < 1e-9, `${lo}..${hi}: look ${i} at ${t}, not ${looks[i]}`));
  }
});

test("looks go forward and become rarer", () => {
  for (const [lo, width] of [[-10, 0], [0, 0], [0, 0.2], [5, -3], [9, 11], [1e5, 1e5]] as const) {
    let s = schedule(lo, lo + width);
    let gap = 0;
    for (let i = 0; i < 60; i++) {
      const next = looked(s);
      const g = next.next - s.next;
      assert.ok(g >= 0.1 - 1e-9 && g >= gap - 1e-6, `${g} after ${gap}`);
      [gap, s] = [g, next];
    }
  }
});

test("an order that comes in its window takes few looks", () => {
  let s = schedule(9, 20);
  let looks = 1;
  for (; s.next < 12.4; looks++) {
    s = looked(s);
  }
  assert.ok(looks <= 3 && s.next - 12.4 < 3.4);
});

test("jitter is at most a tenth either way", () => {
  assert.equal(jittered(100, 0), 90);
  assert.equal(jittered(100, 0.5), 100);
  assert.ok(jittered(100, 0.999999) < 110.001);
});
