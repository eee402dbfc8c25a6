import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";

import { OffloadTimeout } from "../src/index.js";
import { eventually } from "./support/eventually.js";
import { client, pass, rejection, service, timed } from "./support/harness.js";

test("an abort ends a wait at once, between polls and during one", async () => {
  const reason = new Error("enough");
  const controller = new AbortController();
  service.eta = { p10: 3_600, p50: 3_700, p90: 3_800 };
  const sleeping = client().wait(service.receipt(), { signal: controller.signal });
  service.eta = { p10: 0, p50: 0, p90: 0 };
  service.next.s3.push({ status: 0, hang: true });
  const polling = client().wait(service.receipt(), { signal: controller.signal });
  await eventually("the second one polls", () => service.polls().length > 0);
  const start = Date.now();
  controller.abort(reason);
  assert.equal(await rejection(sleeping), reason);
  assert.equal(await rejection(polling), reason);
  assert.ok(Date.now() - start < 500);
  assert.equal(await rejection(client().wait(service.receipt(), { signal: controller.signal })), reason);
  assert.equal(getEventListeners(controller.signal, "abort").length, 0);
});

test("a timeout ends a wait, and leaves no timer", async () => {
  const { time, client: c } = timed();
  service.eta = { p10: 3_600, p50: 3_700, p90: 3_800 };
  const start = time.now();
  assert.ok((await rejection(pass(time, c.wait(service.receipt(), { timeoutMs: 25_000 })))) instanceof OffloadTimeout);
  assert.equal(time.now() - start, 25_000);
  assert.equal(time.timers, 0);
});
