import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";

import { environment } from "../src/environment.js";
import { OffloadTimeout } from "../src/index.js";
import { Scope, limited, pause } from "../src/pause.js";
import { Time } from "./support/time.js";

function surroundings() {
  const time = new Time();
  const page = new EventTarget();
  const wakes = ["visibilitychange", "online"].map((event) => [page, event] as const);
  const env = { ...environment(time), wakes };
  const listeners = () => wakes.reduce((n, [, event]) => n + getEventListeners(page, event).length, 0);
  return { time, page, env, listeners };
}

const never = () => new AbortController().signal;

/** Whether a promise is settled, once everything that can run has run. */
async function settled(p: Promise<unknown>): Promise<boolean> {
  let is = false;
  const set = () => (is = true);
  p.then(set, set);
  await new Promise((resolve) => setImmediate(resolve));
  return is;
}

test("a pause lasts as long as it should, in slices", async () => {
  const { time, env, listeners } = surroundings();
  const start = time.now();
  let over = false;
  const p = pause(25_000.5, env, { signal: never() }).then(() => (over = true));
  await time.run(() => over);
  await p;
  assert.equal(time.now() - start, 25_001);
  assert.deepEqual([time.timers, listeners()], [0, 0]);
});

test("a tab that comes back finds that the time has passed", async () => {
  const { time, page, env, listeners } = surroundings();
  const p = pause(60_000, env, { signal: never() });
  page.dispatchEvent(new Event("visibilitychange"));
  assert.ok(!(await settled(p)), "not before");
  time.sleep(60_000);
  assert.ok(!(await settled(p)), "no timer has run");
  page.dispatchEvent(new Event("visibilitychange"));
  assert.ok(await settled(p));
  assert.deepEqual([time.timers, listeners()], [0, 0]);
});

test("a machine that slept is found out within one slice, without any event", async () => {
  const { time, env } = surroundings();
  let over = false;
  void pause(3_600_000, env, { signal: never() }).then(() => (over = true));
  time.sleep(3_600_000);
  const before = time.now();
  await time.run(() => over);
  assert.equal(time.now(), before, "the first timer that runs ends it");
});

test("a clock that is set back makes no pause longer", async () => {
  const { time, env } = surroundings();
  let over = false;
  void pause(20_000, env, { signal: never() }).then(() => (over = true));
  time.sleep(-3_600_000);
  let fired = 0;
  await time.run(() => over || ++fired > 100_000);
  assert.ok(over);
});

test("who waits for the network goes on when it is there", async () => {
  const { page, env } = surroundings();
  const patient = pause(60_000, env, { signal: never() });
  const eager = pause(60_000, env, { signal: never(), until: [[page, "online"]] });
  page.dispatchEvent(new Event("online"));
  assert.deepEqual([await settled(patient), await settled(eager)], [false, true]);
});

test("an abort ends a pause at once and leaves nothing behind", async () => {
  const { time, env, listeners } = surroundings();
  const controller = new AbortController();
  const p = pause(60_000, env, { signal: controller.signal });
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(p, reason);
  await assert.rejects(pause(1, env, { signal: controller.signal }), reason);
  assert.deepEqual([time.timers, listeners(), getEventListeners(controller.signal, "abort").length], [0, 0, 0]);
});

test("a call has one deadline, and leaves nothing behind", async () => {
  const { time, env, listeners } = surroundings();
  const outer = new AbortController();
  const work = (signal: AbortSignal) => pause(60_000, env, { signal });
  let ended = false;
  const p = limited({ signal: outer.signal, timeoutMs: 5_000 }, env, work).finally(() => (ended = true));
  p.catch(() => {});
  await time.run(() => ended);
  await assert.rejects(p, OffloadTimeout);
  assert.equal(await limited({ timeoutMs: 5_000 }, env, async () => 7), 7);
  assert.deepEqual([time.timers, listeners(), getEventListeners(outer.signal, "abort").length], [0, 0, 0]);
  const scope = new Scope({ signal: AbortSignal.abort("x"), timeoutMs: 5_000 }, env);
  assert.deepEqual([scope.signal.reason, time.timers], ["x", 0]);
});
