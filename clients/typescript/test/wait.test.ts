import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";

import type { Receipt, StatusObject } from "../src/index.js";
import { ORDER, client, pass, service, timed, window } from "./support/harness.js";
import { ID, TOKEN } from "./support/service.js";

test("an order is polled by its schedule, and S3 never gets the token", async () => {
  const { time, client: c } = timed();
  service.eta = { p10: 9, p50: 12, p90: 20 };
  const start = time.now();
  const at: number[] = [];
  service.onPoll = (poll) => {
    at.push((time.now() - start) / 1_000);
    if (poll === 2) {
      service.write({ status: "processing", eta: window(time, 30, 40), progress: { percent: 40, message: "packing" } });
    }
    if (poll === 4) {
      service.finish();
    }
  };
  const receipt = await pass(time, c.submit(ORDER));
  const updates: string[] = [];
  const final = await pass(time, c.wait(receipt, { onUpdate: (s) => updates.push(`${s.revision} ${s.status}`) }));
  assert.deepEqual(updates, ["1 pending", "2 processing", "3 completed"]);
  assert.deepEqual([final.done, final.status, final.result], [true, "completed", { parcels: 1 }]);
  // A step in a window, in seconds since the order.
  const step = (lo: number, hi: number) => Math.sqrt(0.05 * (hi - lo) * hi);
  const second = 9 + 1.55 * step(9, 20);
  // The newer window begins 30 s after the second poll.
  const newer = step(second + 30, second + 40);
  const expected = [9 + 0.55 * step(9, 20), second, second + 30 + 0.55 * newer, second + 30 + 1.55 * newer];
  assert.equal(at.length, 4);
  at.forEach((t, i) => assert.ok(Math.abs(t - expected[i]!) < 0.06, `${at} is not ${expected}`));
  for (const r of service.polls()) {
    assert.deepEqual([r.headers.authorization, r.headers.cookie], [undefined, undefined]);
  }
  assert.equal(service.apiRequests("GET").length, 0, "no poll reaches the api");
  assert.equal(time.timers, 0);
});

test("an unchanged object is not sent again", async () => {
  service.onPoll = (poll) => poll === 4 && service.finish();
  const updates: StatusObject[] = [];
  const receipt = service.receipt();
  await client().wait(receipt, { onUpdate: (s) => updates.push(s) });
  assert.deepEqual(
    service.polls().map((r) => r.headers["if-none-match"]),
    [undefined, '"1"', '"1"', '"1"'],
  );
  assert.deepEqual(
    updates.map((s) => s.revision),
    [1, 2],
  );
});

test("where fetch has a cache of its own, the cache revalidates", async () => {
  service.onPoll = (poll) => poll === 3 && service.finish();
  const inits: RequestInit[] = [];
  const c = client({ httpCache: true, fetch: (url, init) => (inits.push(init), fetch(url, init)) });
  await c.wait(service.receipt());
  assert.equal(inits.length, 3);
  for (const { headers, cache, credentials } of inits) {
    assert.deepEqual([headers, cache, credentials], [{}, "no-cache", "omit"]);
  }
  assert.ok(service.polls().every((r) => r.headers["if-none-match"] === undefined));
});

test("updates are an async iterable", async () => {
  service.onPoll = (poll) => poll > 1 && service.write(poll === 3 ? { done: true, status: "failed" } : {});
  const revisions: number[] = [];
  for await (const s of client().updates(service.receipt())) {
    revisions.push(s.revision);
  }
  assert.deepEqual(revisions, [1, 2, 3]);
});

test("an iteration that stops early leaves no timer and no listener", async () => {
  const { time, client: c } = timed();
  const controller = new AbortController();
  const once = async () => {
    for await (const s of c.updates(service.receipt(), { signal: controller.signal, timeoutMs: 5_000 })) {
      assert.equal(s.status, "pending");
      break;
    }
  };
  await pass(time, once());
  assert.deepEqual([time.timers, getEventListeners(controller.signal, "abort").length], [0, 0]);
});

test("every final status ends the wait, and none is an error", async () => {
  for (const status of ["completed", "failed", "cancelled"] as const) {
    service.finish({ status });
    assert.equal((await client().wait(service.receipt())).status, status);
  }
});

test("a receipt is JSON that works after a restart", async () => {
  const saved = JSON.parse(JSON.stringify(await client().submit(ORDER))) as Receipt;
  service.onPoll = () => service.finish();
  assert.equal((await client().wait(saved)).status, "completed");
  assert.equal(service.apiRequests("GET").length, 0);
});

test("id and token suffice", async () => {
  service.onPoll = () => service.finish();
  assert.equal((await client().wait({ id: ID, order_token: TOKEN })).status, "completed");
  assert.equal(service.apiRequests("GET").length, 1);
});

test("an older status is ignored", async () => {
  const old = service.object;
  service.onPoll = (poll) => {
    service.object = poll === 2 ? old : service.object;
    if (poll === 1) {
      service.write({ status: "processing" });
    }
    if (poll === 3) {
      service.object = { ...old, revision: 3 };
      service.finish();
    }
  };
  const revisions: number[] = [];
  await client().wait(service.receipt(), { onUpdate: (s) => revisions.push(s.revision) });
  assert.deepEqual(revisions, [2, 4]);
  assert.equal(service.polls().length, 3);
});
