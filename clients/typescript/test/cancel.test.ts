import assert from "node:assert/strict";
import { test } from "node:test";

import { OffloadProblem } from "../src/index.js";
import { client, pass, rejection, service, timed, window } from "./support/harness.js";
import { ID, TOKEN, problem } from "./support/service.js";

test("the api reports the status of an order", async () => {
  const view = await client().status({ id: ID, order_token: TOKEN });
  assert.deepEqual([view.id, view.status, view.links.self], [ID, "pending", `${service.api}/order/${ID}`]);
});

test("an order is cancelled with its token", async () => {
  const receipt = service.receipt();
  const view = await client().cancel(receipt);
  assert.deepEqual(
    [view.status, service.apiRequests("DELETE")[0]!.headers.authorization],
    ["cancelled", `Bearer ${TOKEN}`],
  );
  assert.equal((await client().wait(receipt)).status, "cancelled");
});

test("a waiting caller is notified of a cancellation at once", async () => {
  const { time, client: c } = timed();
  service.eta = { p10: 3_600, p50: 3_700, p90: 3_800 };
  const receipt = service.receipt();
  const waiting = c.wait(receipt);
  await time.idle();
  // With another copy of the receipt.
  await c.cancel({ ...receipt });
  assert.equal((await waiting).status, "cancelled");
  assert.equal(
    (
      await pass(
        time,
        c.cancel(receipt).then(() => c.wait(receipt)),
      )
    ).status,
    "cancelled",
  );
  assert.deepEqual([service.polls().length, time.timers], [0, 0]);
});

test("an order in work is polled soon after its cancellation", async () => {
  const { time, client: c } = timed();
  service.eta = { p10: 3_600, p50: 3_700, p90: 3_800 };
  service.write({ status: "processing", eta: window(time, 3_600, 3_800) });
  const receipt = service.receipt();
  const view = { ...receipt, ...service.object };
  service.next.api.push({ status: 202, body: JSON.stringify(view) });
  const start = time.now();
  service.onPoll = (poll) => {
    // An estimate from before the cancellation.
    service.write({ eta: window(time, 7_200, 7_300) });
    return poll === 3 && service.write({ status: "cancelled", done: true });
  };
  await pass(time, c.cancel(receipt));
  assert.equal((await pass(time, c.wait(receipt))).status, "cancelled");
  assert.ok(time.now() - start < 5_000, `${time.now() - start} ms`);
});

test("an order that has ended is not cancelled", async () => {
  service.next.api.push(problem(409, "order-already-ended"));
  const e = await rejection(client().cancel(service.receipt()));
  assert.ok(e instanceof OffloadProblem && e.slug === "order-already-ended");
});

test("a wrong token is refused", async () => {
  const e = await rejection(client().status({ id: ID, order_token: "other" }));
  assert.ok(e instanceof OffloadProblem && e.status === 403);
});
