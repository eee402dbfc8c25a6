import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, test } from "node:test";

import {
  OffloadClient,
  type OffloadClientOptions,
  OffloadError,
  OffloadProblem,
  OffloadTimeout,
  OffloadUnreachable,
  type Receipt,
  type Retry,
  type StatusObject,
} from "../src/index.js";
import { ID, Service, TOKEN, problem, s3Error } from "./support/service.js";
import { Time } from "./support/time.js";

const ORDER = { kind: "fulfilment", items: [{ sku: "A-1", quantity: 2 }] };

let service: Service;
let retries: Retry[];

beforeEach(async () => {
  service = await Service.start();
  retries = [];
});

afterEach(() => service.stop());

/** A client without chance: jitter is nothing, and waits after failures are as short as they get. */
function client(options: Partial<OffloadClientOptions> = {}): OffloadClient {
  return new OffloadClient({ api: service.api, random: () => 0.5, onRetry: (retry) => retries.push(retry), ...options });
}

/** A client in a time of its own, which the service shares. */
function timed(options: Partial<OffloadClientOptions> = {}) {
  const time = new Time();
  service.now = time.now;
  service.object = service.status({});
  return { time, client: client({ ...time, ...options }) };
}

/** Lets time pass until a promise is settled. */
async function pass<T>(time: Time, p: Promise<T>): Promise<T> {
  let settled = false;
  const done = () => (settled = true);
  p.then(done, done);
  await time.run(() => settled);
  return p;
}

function window(time: Time, from: number, to: number): NonNullable<StatusObject["eta"]> {
  const at = (seconds: number) => new Date(time.now() + seconds * 1_000).toISOString();
  return { earliest_at: at(from), at: at((from + to) / 2), latest_at: at(to) };
}

async function rejection(p: Promise<unknown>): Promise<unknown> {
  try {
    await p;
  } catch (e) {
    return e;
  }
  return assert.fail("it did not fail");
}

describe("submit", () => {
  test("an order is placed once, however often it is sent", async () => {
    const { time, client: c } = timed();
    service.next.api.push(problem(503, "storage-unavailable"), { status: 0, cut: true }, problem(429, "x"), { status: 502 });
    const receipt = await pass(time, c.submit(ORDER, { options: { deadline_seconds: 60 } }));
    assert.equal(receipt.id, ID);
    const sent = service.asked("POST");
    assert.equal(sent.length, 5);
    const keys = new Set(sent.map((s) => s.headers["idempotency-key"]));
    assert.equal(keys.size, 1);
    assert.match([...keys][0] as string, /^[0-9a-f-]{36}$/);
    for (const s of sent) {
      assert.deepEqual(JSON.parse(s.body), { ...ORDER, options: { deadline_seconds: 60 } });
      assert.equal(s.headers.authorization, undefined);
    }
    assert.deepEqual(retries.map((r) => [r.request, r.failures]), [["submit", 1], ["submit", 2], ["submit", 3], ["submit", 4]]);
    assert.deepEqual(retries.map((r) => r.waitMs), [375, 750, 1_500, 3_000]);
    assert.ok(retries[0]!.reason instanceof OffloadProblem);
  });

  test("two calls are two orders, and a given key is used", async () => {
    const c = client();
    await c.submit(ORDER);
    await c.submit(ORDER);
    await c.submit(ORDER, { idempotencyKey: "mine" });
    const keys = service.asked("POST").map((s) => s.headers["idempotency-key"]);
    assert.equal(new Set(keys).size, 3);
    assert.equal(keys[2], "mine");
  });

  test("a wait that the service names is obeyed", async () => {
    const { time, client: c } = timed();
    service.next.api.push(problem(503, "overloaded", {}, { "retry-after": "3" }));
    service.next.api.push(problem(409, "idempotency-key-in-use", {}, { "retry-after": "1" }));
    await pass(time, c.submit(ORDER));
    assert.deepEqual(retries.map((r) => r.waitMs), [3_150, 1_050]);
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
    assert.equal(service.asked("POST").length, 4);
    assert.deepEqual(retries, []);
  });

  test("patience ends: with the problem, or with the reason why there was no answer", async () => {
    const { time, client: c } = timed();
    service.next.api.push(...Array(5).fill(problem(503, "storage-unavailable")));
    const told = await rejection(pass(time, c.submit(ORDER)));
    assert.ok(told instanceof OffloadProblem && told.slug === "storage-unavailable");
    service.next.api.push(...Array(5).fill({ status: 0, cut: true }));
    const untold = await rejection(pass(time, c.submit(ORDER)));
    assert.ok(untold instanceof OffloadUnreachable && untold.cause instanceof Error);
    assert.equal(service.asked("POST").length, 10);
  });

  test("a deadline counts for all tries together", async () => {
    service.next.api.push({ status: 0, hang: true });
    const e = await rejection(client().submit(ORDER, { timeoutMs: 60 }));
    assert.ok(e instanceof OffloadTimeout, String(e));
  });

  test("something else that listens there is told from the api", async () => {
    service.next.api.push({ status: 200, body: "<html>hello</html>" });
    assert.match(String(await rejection(client().submit(ORDER))), /is it the api of status-offload/);
  });

  test("an api below a path is found there", async () => {
    service.next.api.push({ status: 404 });
    await rejection(client({ api: `${service.api}/offload/?x=1` }).submit(ORDER));
    assert.equal(service.seen[0]!.path, "/offload/order");
  });
});

describe("wait", () => {
  test("an order is followed to its end, by its schedule, and S3 never sees the token", async () => {
    const { time, client: c } = timed();
    service.eta = { p10: 9, p50: 12, p90: 20 };
    const start = time.now();
    const at: number[] = [];
    service.onLook = (look) => {
      at.push((time.now() - start) / 1_000);
      if (look === 2) {
        service.write({ status: "processing", eta: window(time, 30, 40), progress: { percent: 40, message: "packing" } });
      }
      if (look === 4) {
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
    // The newer window begins 30 s after the second look.
    const newer = step(second + 30, second + 40);
    const expected = [9 + 0.55 * step(9, 20), second, second + 30 + 0.55 * newer, second + 30 + 1.55 * newer];
    assert.equal(at.length, 4);
    at.forEach((t, i) => assert.ok(Math.abs(t - expected[i]!) < 0.06, `${at} is not ${expected}`));
    for (const s of service.looks()) {
      assert.deepEqual([s.headers.authorization, s.headers.cookie], [undefined, undefined]);
    }
    assert.equal(service.asked("GET").length, 0, "the api is not asked");
    assert.equal(time.timers, 0);
  });

  test("an unchanged object is not sent again", async () => {
    service.onLook = (look) => look === 4 && service.finish();
    const updates: StatusObject[] = [];
    const receipt = service.receipt();
    await client().wait(receipt, { onUpdate: (s) => updates.push(s) });
    assert.deepEqual(service.looks().map((s) => s.headers["if-none-match"]), [undefined, '"1"', '"1"', '"1"']);
    assert.deepEqual(updates.map((s) => s.revision), [1, 2]);
  });

  test("where fetch has a cache of its own, the cache does the asking", async () => {
    service.onLook = (look) => look === 3 && service.finish();
    const inits: RequestInit[] = [];
    const c = client({ httpCache: true, fetch: (url, init) => (inits.push(init), fetch(url, init)) });
    await c.wait(service.receipt());
    assert.equal(inits.length, 3);
    for (const { headers, cache, credentials } of inits) {
      assert.deepEqual([headers, cache, credentials], [{}, "no-cache", "omit"]);
    }
    assert.ok(service.looks().every((s) => s.headers["if-none-match"] === undefined));
  });

  test("the updates can be iterated over, and iteration can stop", async () => {
    service.onLook = (look) => look > 1 && service.write(look === 3 ? { done: true, status: "failed" } : {});
    const seen: number[] = [];
    for await (const s of client().updates(service.receipt())) {
      seen.push(s.revision);
    }
    assert.deepEqual(seen, [1, 2, 3]);
    const { time, client: c } = timed();
    const controller = new AbortController();
    const once = async () => {
      for await (const s of c.updates(service.receipt(), { signal: controller.signal, timeoutMs: 5_000 })) {
        assert.equal(s.status, "pending");
        break;
      }
    };
    service.onLook = () => {};
    await pass(time, once());
    assert.deepEqual([time.timers, getEventListeners(controller.signal, "abort").length], [0, 0]);
  });

  test("each end is an end, and none is an error", async () => {
    for (const status of ["completed", "failed", "cancelled"] as const) {
      service.finish({ status });
      assert.equal((await client().wait(service.receipt())).status, status);
    }
  });

  test("a receipt is JSON that works after a restart, and its id and token suffice", async () => {
    const saved = JSON.parse(JSON.stringify(await client().submit(ORDER))) as Receipt;
    service.onLook = () => service.finish();
    assert.equal((await client().wait(saved)).status, "completed");
    assert.equal(service.asked("GET").length, 0);
    assert.equal((await client().wait({ id: ID, order_token: TOKEN })).status, "completed");
    assert.equal(service.asked("GET").length, 1);
  });

  test("a status that is older than one seen is ignored", async () => {
    const old = service.object;
    service.onLook = (look) => {
      service.object = look === 2 ? old : service.object;
      if (look === 1) {
        service.write({ status: "processing" });
      }
      if (look === 3) {
        service.object = { ...old, revision: 3 };
        service.finish();
      }
    };
    const revisions: number[] = [];
    await client().wait(service.receipt(), { onUpdate: (s) => revisions.push(s.revision) });
    assert.deepEqual(revisions, [2, 4]);
    assert.equal(service.looks().length, 3);
  });

  describe("renewal", () => {
    for (const [what, reply] of [
      ["an expired URL (403)", s3Error(403, "AccessDenied")],
      ["an expired session token (400)", s3Error(400, "ExpiredToken")],
      ["a missing object (404)", s3Error(404, "NoSuchKey")],
    ] as const) {
      test(`${what} is renewed once, by the token`, async () => {
        const [first, second] = [service.receipt(), "url=2"];
        service.next.s3.push(reply);
        service.onLook = (look) => look === 3 && service.finish();
        assert.equal((await client().wait(first)).status, "completed");
        assert.deepEqual(service.looks().map((s) => s.path.split("?")[1]), ["url=1", second, second]);
        const [renewal, ...more] = service.asked("GET");
        assert.deepEqual([renewal!.path, renewal!.headers.authorization, more.length], [`/order/${ID}`, `Bearer ${TOKEN}`, 0]);
      });

      test(`${what} is an error if it is refused again`, async () => {
        service.next.s3.push(reply, reply);
        const e = await rejection(client().wait(service.receipt()));
        assert.ok(e instanceof OffloadError && /fresh URL/.test(e.message), String(e));
        assert.ok(!e.message.includes("http"), "no URL in it: it is a secret");
        assert.deepEqual([service.looks().length, service.asked("GET").length], [2, 1]);
      });
    }

    test("S3 may refuse again after it has served", async () => {
      service.next.s3.push(s3Error(403, "AccessDenied"));
      service.onLook = (look) => {
        if (look === 2) {
          service.next.s3.push(s3Error(400, "ExpiredToken"));
        }
        return look === 4 && service.finish();
      };
      assert.equal((await client().wait(service.receipt())).status, "completed");
      assert.equal(service.asked("GET").length, 2);
    });

    test("an order that ends meanwhile needs no further look", async () => {
      service.next.s3.push(s3Error(404, "NoSuchKey"));
      service.finish();
      assert.equal((await client().wait(service.receipt())).status, "completed");
      assert.equal(service.looks().length, 1);
    });

    test("a URL that is known to have expired is not tried, and looks may be further apart than a URL lives", async () => {
      const { time, client: c } = timed();
      service.ttl = 60_000;
      service.eta = { p10: 600, p50: 900, p90: 1_600 };
      service.next.api.push({ status: 202, body: JSON.stringify(service.receipt()) });
      const receipt = await pass(time, c.submit(ORDER));
      const view = () => service.asked("GET").length;
      const p = c.wait(receipt);
      p.catch(() => {});
      await time.run(() => view() === 3);
      service.finish();
      assert.equal((await pass(time, p)).status, "completed");
      assert.equal(service.looks().length, 0);
      assert.equal(view(), 4);
    });

    test("a URL that comes expired is tried all the same: then the clocks are wrong", async () => {
      service.ttl = -60_000;
      service.finish();
      service.next.s3.push(s3Error(503, "SlowDown"));
      const { status_url_expires_at: _, ...receipt } = service.receipt();
      service.next.s3.unshift(s3Error(403, "AccessDenied"));
      service.next.api.push({ status: 200, body: JSON.stringify({ ...service.status({}), ...receipt, status_url_expires_at: new Date(0).toISOString() }) });
      assert.equal((await client().wait(receipt)).status, "completed");
      assert.deepEqual([service.looks().length, service.asked("GET").length], [3, 1]);
    });

    test("what the api says of a lost order is told", async () => {
      service.next.s3.push(s3Error(404, "NoSuchKey"));
      service.next.api.push(problem(404, "order-not-found"));
      const e = await rejection(client().wait(service.receipt()));
      assert.ok(e instanceof OffloadProblem && e.slug === "order-not-found");
    });
  });

  describe("failures", () => {
    test("S3 may be slow to answer", async () => {
      const { time, client: c } = timed();
      service.next.s3.push(s3Error(503, "SlowDown"), { status: 0, cut: true }, s3Error(500, "InternalError"), { status: 200, body: "<html>" });
      service.onLook = () => service.finish();
      assert.equal((await pass(time, c.wait(service.receipt()))).status, "completed");
      assert.deepEqual(retries.map((r) => [r.request, r.failures, r.waitMs]), [
        ["look", 1, 375],
        ["look", 2, 750],
        ["look", 3, 1_500],
        ["look", 4, 3_000],
      ]);
      assert.match(retries[0]!.reason.message, /503 SlowDown/);
      assert.equal(service.asked("GET").length, 0, "that is no reason to renew");
    });

    test("an S3 that never answers is out of reach after about a minute", async () => {
      const { time, client: c } = timed();
      const start = time.now();
      service.next.s3.push(...Array(10).fill(s3Error(503, "SlowDown")));
      assert.ok((await rejection(pass(time, c.wait(service.receipt())))) instanceof OffloadUnreachable);
      const took = (time.now() - start) / 1_000;
      assert.ok(took > 30 && took < 90, `${took}`);
    });

    test("a look that hangs is given up and made again", async () => {
      const { time, client: c } = timed();
      service.next.s3.push({ status: 0, hang: true });
      service.finish();
      const p = c.wait(service.receipt());
      // The request is under way for good: only its own timer can end it.
      await time.run(() => service.looks().length === 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
      time.hurry();
      assert.equal((await pass(time, p)).status, "completed");
      assert.match(retries[0]!.reason.message, /no answer within 10000 ms/);
    });
  });

  describe("the end of patience", () => {
    test("an abort ends the wait at once, wherever it is", async () => {
      const reason = new Error("enough");
      const controller = new AbortController();
      service.eta = { p10: 3_600, p50: 3_700, p90: 3_800 };
      const pausing = client().wait(service.receipt(), { signal: controller.signal });
      service.eta = { p10: 0, p50: 0, p90: 0 };
      service.next.s3.push({ status: 0, hang: true });
      const looking = client().wait(service.receipt(), { signal: controller.signal });
      while (service.looks().length === 0) {
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      const start = Date.now();
      controller.abort(reason);
      assert.equal(await rejection(pausing), reason);
      assert.equal(await rejection(looking), reason);
      assert.ok(Date.now() - start < 500);
      assert.equal(await rejection(client().wait(service.receipt(), { signal: controller.signal })), reason);
      assert.equal(getEventListeners(controller.signal, "abort").length, 0);
    });

    test("a deadline ends the wait, and leaves no timer", async () => {
      const { time, client: c } = timed();
      service.eta = { p10: 3_600, p50: 3_700, p90: 3_800 };
      const start = time.now();
      assert.ok((await rejection(pass(time, c.wait(service.receipt(), { timeoutMs: 25_000 })))) instanceof OffloadTimeout);
      assert.equal(time.now() - start, 25_000);
      assert.equal(time.timers, 0);
    });
  });

  describe("clocks", () => {
    for (const minutes of [10, -10]) {
      for (const dated of [true, false]) {
        test(`one that is ${minutes} min off does no harm, with ${dated ? "a" : "no"} Date to read`, async () => {
          const { time, client: c } = timed({ now: () => time.now() + minutes * 60_000 });
          service.dated = dated;
          service.eta = { p10: 9, p50: 12, p90: 20 };
          const receipt = await pass(time, c.submit(ORDER));
          const start = time.now();
          service.onLook = () => time.now() - start > 15_000 && service.finish();
          await pass(time, c.wait(receipt));
          const took = (time.now() - start) / 1_000;
          assert.equal(service.looks().length, 3);
          assert.ok(took > 16.7 && took < 18.2, `10.8, 14.1, 17.5 s, and not ${took}`);
        });

        test(`a receipt from elsewhere is followed ${minutes} min off, with ${dated ? "a" : "no"} Date to read`, async () => {
          const { time, client: c } = timed({ now: () => time.now() + minutes * 60_000 });
          service.dated = dated;
          service.eta = { p10: 9, p50: 12, p90: 20 };
          service.object = service.status({ eta: window(time, 9, 20), poll_after_ms: 10_650 });
          const receipt = service.receipt();
          const start = time.now();
          service.onLook = () => time.now() - start > 15_000 && service.finish();
          await pass(time, c.wait(receipt));
          const took = (time.now() - start) / 1_000;
          // Without a Date nobody tells a clock that is fast from an order that is late.
          const seconds = !dated && minutes > 0 ? 25 : 22;
          assert.ok(service.looks().length <= 4 && took < seconds, `${service.looks().length} looks, ${took} s`);
        });
      }
    }
  });

  for (const when of ["between two looks", "while an answer was under way"]) {
    test(`a tab that slept ${when} looks once when it wakes, and goes on from there`, async () => {
      const { time, client: c } = timed();
      service.eta = { p10: 9, p50: 12, p90: 20 };
      const start = time.now();
      const receipt = service.receipt();
      const at: number[] = [];
      service.onLook = (look) => {
        at.push(Math.round((time.now() - start) / 1_000));
        return look === 3 && service.finish();
      };
      const p = c.wait(receipt);
      p.catch(() => {});
      await time.run(() => service.looks().length === 1);
      if (when === "between two looks") {
        await time.quiet();
      }
      time.sleep(1_000_000);
      await pass(time, p);
      const woke = at[1]!;
      assert.ok(woke >= 1_010 && woke <= 1_015, `at the first timer that runs: ${at}`);
      assert.ok(Math.abs(at[2]! - woke - (3.3 + (woke - 20) / 10)) <= 1, `a step and a tenth of the lateness: ${at}`);
      assert.equal(at.length, 3);
    });
  }
});

describe("status and cancel", () => {
  test("the api tells of an order", async () => {
    const view = await client().status({ id: ID, order_token: TOKEN });
    assert.deepEqual([view.id, view.status, view.links.self], [ID, "pending", `${service.api}/order/${ID}`]);
  });

  test("an order is cancelled", async () => {
    const receipt = service.receipt();
    const view = await client().cancel(receipt);
    assert.deepEqual([view.status, service.asked("DELETE")[0]!.headers.authorization], ["cancelled", `Bearer ${TOKEN}`]);
    assert.equal((await client().wait(receipt)).status, "cancelled");
  });

  test("who waits hears of the cancellation at once, by whatever copy of the receipt", async () => {
    const { time, client: c } = timed();
    service.eta = { p10: 3_600, p50: 3_700, p90: 3_800 };
    const receipt = service.receipt();
    const waiting = c.wait(receipt);
    await time.quiet();
    await c.cancel({ ...receipt });
    assert.equal((await waiting).status, "cancelled");
    assert.equal((await pass(time, c.cancel(receipt).then(() => c.wait(receipt)))).status, "cancelled");
    assert.deepEqual([service.looks().length, time.timers], [0, 0]);
  });

  test("an order that is being worked on is looked at soon after it was asked to end", async () => {
    const { time, client: c } = timed();
    service.eta = { p10: 3_600, p50: 3_700, p90: 3_800 };
    service.write({ status: "processing", eta: window(time, 3_600, 3_800) });
    const receipt = service.receipt();
    const view = { ...receipt, ...service.object };
    service.next.api.push({ status: 202, body: JSON.stringify(view) });
    const start = time.now();
    service.onLook = (look) => {
      // An estimate of before the cancellation.
      service.write({ eta: window(time, 7_200, 7_300) });
      return look === 3 && service.write({ status: "cancelled", done: true });
    };
    await pass(time, c.cancel(receipt));
    assert.equal((await pass(time, c.wait(receipt))).status, "cancelled");
    assert.ok(time.now() - start < 5_000, `${time.now() - start} ms`);
  });

  test("an order that has ended is not cancelled, and a wrong token is told", async () => {
    service.next.api.push(problem(409, "order-already-ended"));
    const e = await rejection(client().cancel(service.receipt()));
    assert.ok(e instanceof OffloadProblem && e.slug === "order-already-ended");
    const wrong = await rejection(client().status({ id: ID, order_token: "other" }));
    assert.ok(wrong instanceof OffloadProblem && wrong.status === 403);
  });
});

describe("result", () => {
  test("a small result is there without a request", async () => {
    service.finish();
    const c = client();
    const final = await c.wait(service.receipt());
    const before = service.seen.length;
    assert.deepEqual(await (await c.result(final)).json(), { parcels: 1 });
    assert.equal(service.seen.length, before);
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
    assert.equal(service.looks().at(-1)!.headers.authorization, undefined);
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

  test("an order without a result says why", async () => {
    const error = { type: "https://status-offload.dev/problems/processing-failed", title: "The work failed", status: 500 };
    const e = await rejection(client().result(service.status({ status: "failed", done: true, error })));
    assert.ok(e instanceof OffloadProblem && e.slug === "processing-failed");
    assert.match(String(await rejection(client().result(service.status({})))), /pending order has no result/);
  });

  test("a download can be aborted in its middle", async () => {
    const c = client();
    service.next.s3.push({ status: 200, body: Buffer.alloc(20_000_000) });
    const controller = new AbortController();
    const final = service.status({ status: "completed", done: true, result_url: `${service.s3}/results/x` });
    const response = await c.result(final, { signal: controller.signal });
    const reader = response.body!.getReader();
    await reader.read();
    controller.abort();
    await assert.rejects(async () => {
      while (!(await reader.read()).done);
    }, { name: "AbortError" });
  });
});
