import assert from "node:assert/strict";
import { test } from "node:test";

import { OffloadError, OffloadProblem } from "../src/index.js";
import { ORDER, client, pass, rejection, service, timed } from "./support/harness.js";
import { ID, TOKEN, problem } from "./support/service.js";

const GROUP = { id: ID, order_token: TOKEN, links: { self: `https://api.example/v1/group/${ID}` } };

function answer(body: unknown) {
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
}

test("a batch is one request with one key, however often it is sent", async () => {
  const { time, client: c } = timed();
  const refused = { type: "https://status-offload.dev/problems/invalid-order", title: "t", status: 422 };
  const orders = [{ receipt: { id: ID, order_token: TOKEN } }, { problem: refused }];
  service.next.api.push(problem(503, "overloaded"), answer({ accepted: 1, refused: 1, group: GROUP, orders }));
  const batch = await pass(time, c.submitAll([ORDER, {}], { idempotencyKey: "k" }));
  assert.deepEqual([batch.accepted, batch.refused, batch.orders.length], [1, 1, 2]);
  const sent = service.apiRequests("POST");
  assert.deepEqual(
    sent.map((r) => [r.path, r.headers["idempotency-key"], JSON.parse(r.body)]),
    [
      ["/orders", "k", [ORDER, {}]],
      ["/orders", "k", [ORDER, {}]],
    ],
  );
});

test("a group is asked for at its own route", async () => {
  service.next.api.push(answer(service.object));
  await client().status(GROUP);
  assert.equal(service.apiRequests("GET")[0]!.path, `/group/${ID}`);
});

test("a batch that is refused as a whole is a problem", async () => {
  service.next.api.push(problem(422, "invalid-batch"));
  assert.ok((await rejection(client().submitAll([]))) instanceof OffloadProblem);
  service.next.api.push(answer({}));
  assert.ok((await rejection(client().submitAll([ORDER]))) instanceof OffloadError);
});
