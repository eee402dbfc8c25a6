import assert from "node:assert/strict";
import { test } from "node:test";

import { OffloadProblem, OffloadTimeout, OffloadUnreachable } from "../src/index.js";
import { ORDER, client, pass, rejection, retries, service, timed } from "./support/harness.js";
import { ID, problem } from "./support/service.js";

test("an order is submitted once, however often it is sent", async () => {
  const { time, client: c } = timed();
  service.next.api.push(problem(503, "storage-unavailable"), { status: 0, cut: true }, problem(429, "x"), {
    status: 502,
  });
  const receipt = await pass(time, c.submit(ORDER, { options: { deadline_seconds: 60 } }));
  assert.equal(receipt.id, ID);
  const sent = service.apiRequests("POST");
  assert.equal(sent.length, 5);
  const keys = new Set(sent.map((r) => r.headers["idempotency-key"]));
  assert.equal(keys.size, 1);
  assert.match([...keys][0] as string, /^[0-9a-f-]{36}$/);
  for (const r of sent) {
    assert.deepEqual(JSON.parse(r.body), { ...ORDER, options: { deadline_seconds: 60 } });
    assert.equal(r.headers.authorization, undefined);
  }
  assert.deepEqual(
    retries.map((r) => [r.request, r.failures]),
    [
      ["submit", 1],
      ["submit", 2],
      ["submit", 3],
      ["submit", 4],
    ],
  );
  assert.deepEqual(
    retries.map((r) => r.waitMs),
    [375, 750, 1_500, 3_000],
  );
  assert.ok(retries[0]!.reason instanceof OffloadProblem);
});

test("two calls are two orders, and a given key is used", async () => {
  const c = client();
  await c.submit(ORDER);
  await c.submit(ORDER);
  await c.submit(ORDER, { idempotencyKey: "mine" });
  const keys = service.apiRequests("POST").map((r) => r.headers["idempotency-key"]);
  assert.equal(new Set(keys).size, 3);
  assert.equal(keys[2], "mine");
});

test("Retry-After is obeyed", async () => {
  const { time, client: c } = timed();
  service.next.api.push(problem(503, "overloaded", {}, { "retry-after": "3" }));
  service.next.api.push(problem(409, "idempotency-key-in-use", {}, { "retry-after": "1" }));
  await pass(time, c.submit(ORDER));
  assert.deepEqual(
    retries.map((r) => r.waitMs),
    [3_150, 1_050],
  );
});

test("what the service refuses is not sent again", async () => {
  const errors = [{ pointer: "/items", detail: "is missing" }];
  for (const refusal of [
    problem(422, "invalid-order", { errors, request_id: "r" }),
    problem(400, "invalid-json"),
    problem(409, "order-already-ended"),
    problem(500, "internal"),
  ]) {
    service.next.api.push(refusal);
    const e = await rejection(client().submit(ORDER));
    assert.ok(e instanceof OffloadProblem && e.status === refusal.status, String(e));
    if (e.status === 422) {
      assert.deepEqual([e.slug, e.errors, e.requestId, e.detail], ["invalid-order", errors, "r", "why"]);
    }
  }
  assert.equal(service.apiRequests("POST").length, 4);
  assert.deepEqual(retries, []);
});

test("the last of five attempts gives the problem, or why there was none", async () => {
  const { time, client: c } = timed();
  service.next.api.push(...Array(5).fill(problem(503, "storage-unavailable")));
  const refused = await rejection(pass(time, c.submit(ORDER)));
  assert.ok(refused instanceof OffloadProblem && refused.slug === "storage-unavailable");
  service.next.api.push(...Array(5).fill({ status: 0, cut: true }));
  const unreachable = await rejection(pass(time, c.submit(ORDER)));
  assert.ok(unreachable instanceof OffloadUnreachable && unreachable.cause instanceof Error);
  assert.equal(service.apiRequests("POST").length, 10);
});

test("a timeout limits all attempts together", async () => {
  service.next.api.push({ status: 0, hang: true });
  const e = await rejection(client().submit(ORDER, { timeoutMs: 60 }));
  assert.ok(e instanceof OffloadTimeout, String(e));
});

test("a server that is not the api is recognised", async () => {
  service.next.api.push({ status: 200, body: "<html>hello</html>" });
  assert.match(String(await rejection(client().submit(ORDER))), /is it status-offload that answers there/);
});

test("an api may have a path", async () => {
  service.next.api.push({ status: 404 });
  await rejection(client({ api: `${service.api}/offload/?x=1` }).submit(ORDER));
  assert.equal(service.received[0]!.path, "/offload/order");
});
