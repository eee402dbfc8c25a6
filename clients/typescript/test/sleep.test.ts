import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";

import { sleep } from "../src/sleep.js";
import { runtime } from "./support/runtime.js";

const never = () => new AbortController().signal;

/** Whether a promise is settled, once everything that can run has run. */
async function settled(p: Promise<unknown>): Promise<boolean> {
  let is = false;
  const set = () => (is = true);
  p.then(set, set);
  await new Promise((resolve) => setImmediate(resolve));
  return is;
}

test("a sleep lasts as long as it should, in slices", async () => {
  const { time, env, listeners } = runtime();
  const start = time.now();
  let over = false;
  const p = sleep(25_000.5, env, { signal: never() }).then(() => (over = true));
  await time.run(() => over);
  await p;
  assert.equal(time.now() - start, 25_001);
  assert.deepEqual([time.timers, listeners()], [0, 0]);
});

test("a tab that is visible again notices that time has passed", async () => {
  const { time, page, env, listeners } = runtime();
  const p = sleep(60_000, env, { signal: never() });
  page.dispatchEvent(new Event("visibilitychange"));
  assert.ok(!(await settled(p)), "not before");
  time.suspend(60_000);
  assert.ok(!(await settled(p)), "no timer has run");
  page.dispatchEvent(new Event("visibilitychange"));
  assert.ok(await settled(p));
  assert.deepEqual([time.timers, listeners()], [0, 0]);
});

test("a suspension without any event is noticed within one slice", async () => {
  const { time, env } = runtime();
  let over = false;
  void sleep(3_600_000, env, { signal: never() }).then(() => (over = true));
  time.suspend(3_600_000);
  const before = time.now();
  await time.run(() => over);
  assert.equal(time.now(), before, "the first timer that runs ends it");
});

test("a clock that is set back makes no sleep longer", async () => {
  const { time, env } = runtime();
  let over = false;
  void sleep(20_000, env, { signal: never() }).then(() => (over = true));
  time.suspend(-3_600_000);
  let fired = 0;
  await time.run(() => over || ++fired > 100_000);
  assert.ok(over);
});

test("a wait for the network ends when it is back", async () => {
  const { page, env } = runtime();
  const patient = sleep(60_000, env, { signal: never() });
  const eager = sleep(60_000, env, { signal: never(), until: [[page, "online"]] });
  page.dispatchEvent(new Event("online"));
  assert.deepEqual([await settled(patient), await settled(eager)], [false, true]);
});

test("an abort ends a sleep at once and leaves nothing behind", async () => {
  const { time, env, listeners } = runtime();
  const controller = new AbortController();
  const p = sleep(60_000, env, { signal: controller.signal });
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(p, reason);
  await assert.rejects(sleep(1, env, { signal: controller.signal }), reason);
  assert.deepEqual([time.timers, listeners(), getEventListeners(controller.signal, "abort").length], [0, 0, 0]);
});
