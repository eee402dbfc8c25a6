import assert from "node:assert/strict";
import { test } from "node:test";

import { OffloadError, OffloadProblem } from "../src/index.js";
import { ORDER, client, pass, rejection, service, timed } from "./support/harness.js";
import { ID, TOKEN, problem, s3Error } from "./support/service.js";

for (const [what, response] of [
  ["an expired URL (403)", s3Error(403, "AccessDenied")],
  ["an expired session token (400)", s3Error(400, "ExpiredToken")],
  ["a missing object (404)", s3Error(404, "NoSuchKey")],
] as const) {
  test(`${what} is renewed once, with the token`, async () => {
    const [first, second] = [service.receipt(), "url=2"];
    service.next.s3.push(response);
    service.onPoll = (poll) => poll === 3 && service.finish();
    assert.equal((await client().wait(first)).status, "completed");
    assert.deepEqual(
      service.polls().map((r) => r.path.split("?")[1]),
      ["url=1", second, second],
    );
    const [renewal, ...more] = service.apiRequests("GET");
    assert.deepEqual(
      [renewal!.path, renewal!.headers.authorization, more.length],
      [`/order/${ID}`, `Bearer ${TOKEN}`, 0],
    );
  });

  test(`${what} is an error if it is refused again`, async () => {
    service.next.s3.push(response, response);
    const e = await rejection(client().wait(service.receipt()));
    assert.ok(e instanceof OffloadError && /fresh status URL/.test(e.message), String(e));
    assert.ok(!e.message.includes("http"), "no URL in it: it is a secret");
    assert.deepEqual([service.polls().length, service.apiRequests("GET").length], [2, 1]);
  });
}

test("a URL that worked may be renewed again", async () => {
  service.next.s3.push(s3Error(403, "AccessDenied"));
  service.onPoll = (poll) => {
    if (poll === 2) {
      service.next.s3.push(s3Error(400, "ExpiredToken"));
    }
    return poll === 4 && service.finish();
  };
  assert.equal((await client().wait(service.receipt())).status, "completed");
  assert.equal(service.apiRequests("GET").length, 2);
});

test("a renewal that finds the final status needs no further poll", async () => {
  service.next.s3.push(s3Error(404, "NoSuchKey"));
  service.finish();
  assert.equal((await client().wait(service.receipt())).status, "completed");
  assert.equal(service.polls().length, 1);
});

test("a URL that is known to have expired is not polled", async () => {
  const { time, client: c } = timed();
  // Polls are further apart than a URL lives.
  service.ttl = 60_000;
  service.eta = { p10: 600, p50: 900, p90: 1_600 };
  service.next.api.push({ status: 202, body: JSON.stringify(service.receipt()) });
  const receipt = await pass(time, c.submit(ORDER));
  const renewals = () => service.apiRequests("GET").length;
  const p = c.wait(receipt);
  p.catch(() => {});
  await time.run(() => renewals() === 3);
  service.finish();
  assert.equal((await pass(time, p)).status, "completed");
  assert.equal(service.polls().length, 0);
  assert.equal(renewals(), 4);
});

test("a URL that comes expired is polled: then the clocks are wrong", async () => {
  service.ttl = -60_000;
  service.finish();
  service.next.s3.push(s3Error(403, "AccessDenied"), s3Error(503, "SlowDown"));
  const { status_url_expires_at: _, ...receipt } = service.receipt();
  const view = { ...service.status({}), ...receipt, status_url_expires_at: new Date(0).toISOString() };
  service.next.api.push({ status: 200, body: JSON.stringify(view) });
  assert.equal((await client().wait(receipt)).status, "completed");
  assert.deepEqual([service.polls().length, service.apiRequests("GET").length], [3, 1]);
});

test("a service that gives no URL is polled itself", async () => {
  const view = (status: string, revision: number) => {
    const object = service.status({ revision, done: status === "completed" });
    return { status: 200, body: JSON.stringify({ ...object, status, links: { self: "x" } }) };
  };
  service.next.api.push(view("pending", 1), view("processing", 2), view("completed", 3));
  const revisions: number[] = [];
  await client().wait({ id: ID, order_token: TOKEN }, { onUpdate: (s) => revisions.push(s.revision) });
  assert.deepEqual([revisions, service.polls().length], [[1, 2, 3], 0]);
});

test("a renewal that the api refuses is an error", async () => {
  service.next.s3.push(s3Error(404, "NoSuchKey"));
  service.next.api.push(problem(404, "order-not-found"));
  const e = await rejection(client().wait(service.receipt()));
  assert.ok(e instanceof OffloadProblem && e.slug === "order-not-found");
});
