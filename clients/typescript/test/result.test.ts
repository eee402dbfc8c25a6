import assert from "node:assert/strict";
import { test } from "node:test";

import { OffloadProblem, type StatusObject } from "../src/index.js";
import { client, rejection, service } from "./support/harness.js";
import { s3Error } from "./support/service.js";

test("a small result takes no request", async () => {
  service.finish();
  const c = client();
  const final = await c.wait(service.receipt());
  const before = service.received.length;
  assert.deepEqual(await (await c.result(final)).json(), { parcels: 1 });
  assert.equal(service.received.length, before);
});

test("a large result is streamed from S3, without the token", async () => {
  const large = Buffer.alloc(20_000_000, "0123456789");
  service.finish({ result: null, result_url: `${service.s3}/results/large` });
  const c = client();
  const final = await c.wait(service.receipt());
  service.next.s3.push({ status: 200, headers: { "content-type": "text/csv" }, body: large });
  const response = await c.result(final);
  assert.equal(response.headers.get("content-type"), "text/csv");
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(large));
  assert.equal(service.polls().at(-1)!.headers.authorization, undefined);
});

test("the URL of a result is renewed once", async () => {
  service.finish({ result: null, result_url: `${service.s3}/results/x` });
  const c = client();
  const final = await c.wait(service.receipt());
  const stored = JSON.parse(JSON.stringify(final)) as StatusObject;
  const good = { status: 200, body: "a,b\n" };
  service.next.s3.push(s3Error(403, "AccessDenied"), s3Error(503, "SlowDown"), good);
  assert.equal(await (await c.result(final)).text(), "a,b\n");
  service.next.s3.push(s3Error(400, "ExpiredToken"), good);
  assert.equal(await (await c.result(stored, { receipt: service.receipt() })).text(), "a,b\n");
  service.next.s3.push(s3Error(403, "AccessDenied"), s3Error(403, "AccessDenied"));
  assert.match(String(await rejection(c.result(final))), /fresh URL/);
  service.next.s3.push(s3Error(403, "AccessDenied"));
  assert.match(String(await rejection(c.result(stored))), /without the receipt/);
});

test("an order without a result gives the reason", async () => {
  const error = {
    type: "https://status-offload.dev/problems/processing-failed",
    title: "The work failed",
    status: 500,
  };
  const e = await rejection(client().result(service.status({ status: "failed", done: true, error })));
  assert.ok(e instanceof OffloadProblem && e.slug === "processing-failed");
  assert.match(String(await rejection(client().result(service.status({})))), /pending order has no result/);
});

test("a download can be aborted while its body is read", async () => {
  const c = client();
  service.next.s3.push({ status: 200, body: Buffer.alloc(20_000_000) });
  const controller = new AbortController();
  const final = service.status({ status: "completed", done: true, result_url: `${service.s3}/results/x` });
  const response = await c.result(final, { signal: controller.signal });
  const reader = response.body!.getReader();
  await reader.read();
  controller.abort();
  await assert.rejects(
    async () => {
      while (!(await reader.read()).done);
    },
    { name: "AbortError" },
  );
});
