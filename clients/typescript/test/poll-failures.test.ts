import assert from "node:assert/strict";
import { test } from "node:test";

import { OffloadUnreachable } from "../src/index.js";
import { pass, rejection, retries, service, timed } from "./support/harness.js";
import { s3Error } from "./support/service.js";

test("polls are retried while S3 is unavailable", async () => {
  const { time, client: c } = timed();
  const page = { status: 200, body: "<html>" };
  service.next.s3.push(s3Error(503, "SlowDown"), { status: 0, cut: true }, s3Error(500, "InternalError"), page);
  service.onPoll = () => service.finish();
  assert.equal((await pass(time, c.wait(service.receipt()))).status, "completed");
  assert.deepEqual(
    retries.map((r) => [r.request, r.failures, r.waitMs]),
    [
      ["poll", 1, 375],
      ["poll", 2, 750],
      ["poll", 3, 1_500],
      ["poll", 4, 3_000],
    ],
  );
  assert.match(retries[0]!.reason.message, /503 SlowDown/);
  assert.equal(service.apiRequests("GET").length, 0, "that is no reason to renew");
});

test("Retry-After of S3, or of a cache before it, is obeyed", async () => {
  const { time, client: c } = timed();
  const headers = (wait: string) => ({ "content-type": "application/xml", "retry-after": wait });
  const date = new Date(Math.ceil(time.now() / 1_000) * 1_000 + 9_000).toUTCString();
  service.next.s3.push(
    { ...s3Error(503, "SlowDown"), headers: headers("7") },
    { ...s3Error(429, ""), headers: headers(date) },
  );
  service.onPoll = () => service.finish();
  assert.equal((await pass(time, c.wait(service.receipt()))).status, "completed");
  assert.equal(retries[0]!.waitMs, 7_000);
  assert.ok(retries[1]!.waitMs >= 1_000 && retries[1]!.waitMs <= 10_000, `${retries[1]!.waitMs}`);
});

test("an S3 that stays unavailable is unreachable after about a minute", async () => {
  const { time, client: c } = timed();
  const start = time.now();
  service.next.s3.push(...Array(10).fill(s3Error(503, "SlowDown")));
  assert.ok((await rejection(pass(time, c.wait(service.receipt())))) instanceof OffloadUnreachable);
  const took = (time.now() - start) / 1_000;
  assert.ok(took > 30 && took < 90, `${took}`);
});

test("a poll that hangs is aborted and retried", async () => {
  const { time, client: c } = timed();
  service.next.s3.push({ status: 0, hang: true });
  service.finish();
  const p = c.wait(service.receipt());
  // From now on the request hangs, and only its own timer can end it.
  await time.run(() => service.polls().length === 1);
  time.fire();
  assert.equal((await pass(time, p)).status, "completed");
  assert.match(retries[0]!.reason.message, /no response within 10000 ms/);
});
