import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";

import { Call, withLimits } from "../src/call.js";
import { OffloadTimeout } from "../src/index.js";
import { sleep } from "../src/sleep.js";
import { runtime } from "./support/runtime.js";

test("a call has one timeout, and leaves nothing behind", async () => {
  const { time, env, listeners } = runtime();
  const outer = new AbortController();
  const work = (signal: AbortSignal) => sleep(60_000, env, { signal });
  let ended = false;
  const p = withLimits({ signal: outer.signal, timeoutMs: 5_000 }, env, work).finally(() => (ended = true));
  p.catch(() => {});
  await time.run(() => ended);
  await assert.rejects(p, OffloadTimeout);
  assert.equal(await withLimits({ timeoutMs: 5_000 }, env, async () => 7), 7);
  assert.deepEqual([time.timers, listeners(), getEventListeners(outer.signal, "abort").length], [0, 0, 0]);
  const closed = new Call({ signal: AbortSignal.abort("x"), timeoutMs: 5_000 }, env);
  assert.deepEqual([closed.signal.reason, time.timers], ["x", 0]);
});
