// The client, in Node, against the whole service:
// `OFFLOAD_BIN=../../target/debug/offload npm run test:e2e`
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { OffloadClient, OffloadProblem } from "../dist/index.js";
import { eventually } from "./support/eventually.mjs";
import { expired, skip, up } from "./support/stack.mjs";

const FULFILMENT = { kind: "fulfilment", items: [{ sku: "A-1", quantity: 2 }] };
const TEN_MINUTES = 600_000;

describe("against the service", { skip, timeout: 120_000 }, () => {
  let stack;
  before(async () => (stack = await up("--workers", "8", "--job-seconds", "1.5")));
  after(() => stack?.stop());

  /** A client that records its requests and their responses. */
  function recorded(options = {}) {
    const wire = [];
    const record = async (url, init) => {
      const response = await fetch(url, init);
      wire.push({
        on: url.startsWith(stack.api) ? "api" : "s3",
        method: init.method ?? "GET",
        status: response.status,
        headers: new Headers(init.headers),
      });
      return response;
    };
    const client = new OffloadClient({ api: stack.api, fetch: record, push: false, ...options });
    const polls = () => wire.filter((w) => w.on === "s3");
    return { client, wire, polls };
  }

  test("an order takes few polls, none of them at the api", async () => {
    const { client, wire, polls } = recorded();
    const receipt = await client.submit(FULFILMENT);
    const updates = [];
    const final = await client.wait(receipt, { onUpdate: (s) => updates.push(s.revision), timeoutMs: 30_000 });
    assert.equal(final.status, "completed");
    assert.deepEqual(
      updates,
      [...updates].sort((a, b) => a - b),
    );
    assert.ok(polls().length <= 6, `${polls().length} polls`);
    assert.deepEqual(
      wire.filter((w) => w.on === "api").map((w) => w.method),
      ["POST"],
    );
    assert.ok(polls().every((w) => !w.headers.has("authorization")));
  });

  test("a subscriber does not poll", async () => {
    const { client, polls } = recorded({ push: true });
    const updates = [];
    const final = await client.wait(await client.submit(FULFILMENT), {
      onUpdate: (s) => updates.push(s.status),
      timeoutMs: 30_000,
    });
    assert.deepEqual([final.status, updates.at(-1), polls().length], ["completed", "completed", 0]);
  });

  test("an unchanged status is not sent again", async () => {
    // Timers that are early make it poll before anything has changed.
    const { client, polls } = recorded({ setTimeout: (call, ms) => setTimeout(call, Math.min(ms, 1_000)) });
    const receipt = await client.submit(FULFILMENT, { options: { delay_seconds: 20 } });
    const updates = [];
    const waiting = client.wait(receipt, { onUpdate: (s) => updates.push(s.status) });
    await eventually("there are three polls", () => polls().length >= 3);
    await client.cancel(receipt);
    assert.equal((await waiting).status, "cancelled");
    assert.deepEqual(
      polls()
        .slice(0, 3)
        .map((w) => [w.status, w.headers.has("if-none-match")]),
      [
        [200, false],
        [304, true],
        [304, true],
      ],
    );
    assert.deepEqual(updates, ["pending", "cancelled"]);
  });

  test("a large result is read", async () => {
    const { client } = recorded();
    const final = await client.wait(await client.submit({ kind: "report", rows: 100_000 }), { timeoutMs: 60_000 });
    const text = await (await client.result(final)).text();
    const lines = text.trimEnd().split("\n").length;
    assert.ok(lines === 100_000 || lines === 100_001, `${lines} lines`);
    assert.ok(text.length > 1_000_000, `${text.length} bytes`);
  });

  test("one key is one order", async () => {
    const { client } = recorded();
    const options = { idempotencyKey: crypto.randomUUID() };
    const [a, b] = [await client.submit(FULFILMENT, options), await client.submit(FULFILMENT, options)];
    assert.equal(a.id, b.id);
    const e = await client.submit({ ...FULFILMENT, customer_ref: "other" }, options).catch((e) => e);
    assert.ok(e instanceof OffloadProblem && e.slug === "idempotency-key-reused" && e.status === 422, String(e));
  });

  test("an invalid order is refused with its violations", async () => {
    const e = await recorded()
      .client.submit({ kind: "fulfilment", items: [{ sku: "A-1", quantity: 0 }] })
      .catch((e) => e);
    assert.ok(e instanceof OffloadProblem && e.slug === "invalid-order", String(e));
    assert.ok(
      e.errors.some((v) => v.pointer === "/items/0/quantity"),
      JSON.stringify(e.errors),
    );
    assert.ok(e.requestId);
  });

  test("an order is cancelled, before and during its work", async () => {
    const { client } = recorded();
    const later = await client.submit(FULFILMENT, { options: { delay_seconds: 60 } });
    await client.cancel(later);
    assert.equal((await client.wait(later, { timeoutMs: 30_000 })).status, "cancelled");
    const running = await client.submit({ kind: "report", rows: 10, delay_ms: 60_000 });
    for await (const s of client.updates(running, { timeoutMs: 30_000 })) {
      if (s.status === "processing") {
        await client.cancel(running);
      }
      if (s.done) {
        assert.equal(s.status, "cancelled");
      }
    }
    const e = await client.cancel(await finished(client)).catch((e) => e);
    assert.ok(e instanceof OffloadProblem && e.slug === "order-already-ended", String(e));
  });

  test("an expired URL in a stored receipt is renewed", async () => {
    const { client, wire } = recorded();
    const receipt = JSON.parse(JSON.stringify(await client.submit(FULFILMENT)));
    receipt.status_url = expired(receipt.status_url, stack);
    assert.equal((await client.wait(receipt, { timeoutMs: 30_000 })).status, "completed");
    const seen = wire.map((w) => `${w.on} ${w.method} ${w.status}`);
    assert.deepEqual(seen.slice(0, 3), ["api POST 202", "s3 GET 403", "api GET 200"]);
    assert.equal(seen.filter((s) => s === "api GET 200").length, 1);
  });

  test("id and token suffice", async () => {
    const { client } = recorded();
    const { id, order_token } = await client.submit(FULFILMENT);
    assert.equal((await client.status({ id, order_token })).id, id);
    assert.equal((await client.wait({ id, order_token }, { timeoutMs: 30_000 })).status, "completed");
  });

  for (const minutes of [10, -10]) {
    test(`a clock that is ${minutes} min off costs no polls`, async () => {
      const { client, polls } = recorded({ now: () => Date.now() + Math.sign(minutes) * TEN_MINUTES });
      const start = Date.now();
      assert.equal((await client.wait(await client.submit(FULFILMENT), { timeoutMs: 30_000 })).status, "completed");
      assert.ok(polls().length <= 6 && Date.now() - start < 8_000, `${polls().length} polls, ${Date.now() - start} ms`);
    });
  }

  test("a wait can be aborted and repeated", async () => {
    const { client } = recorded();
    const receipt = await client.submit({ kind: "report", rows: 10, delay_ms: 3_000 });
    await assert.rejects(client.wait(receipt, { timeoutMs: 300 }), { name: "OffloadTimeout" });
    await assert.rejects(client.wait(receipt, { signal: AbortSignal.timeout(300) }), { name: "TimeoutError" });
    assert.equal((await client.wait(receipt, { timeoutMs: 30_000 })).status, "completed");
  });

  test("fifty orders at once are all completed", async (t) => {
    const { client, polls } = recorded();
    const receipts = await Promise.all(Array.from({ length: 50 }, () => client.submit(FULFILMENT)));
    const ends = await Promise.all(receipts.map((r) => client.wait(r, { timeoutMs: 60_000 })));
    assert.ok(ends.every((s) => s.status === "completed"));
    // Their number depends on the estimator, and is measured elsewhere.
    t.diagnostic(`${polls().length / ends.length} polls an order`);
  });

  test("the README's example runs", async () => {
    const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
    const example = /```js\n([^]*?)```/.exec(readme)[1].replace("https://api.example.com", stack.api);
    // Inside the package, so that it can import it by its name.
    const file = new URL("../build/example.mjs", import.meta.url);
    await mkdir(new URL(".", file), { recursive: true });
    await writeFile(file, example);
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(file)], { timeout: 30_000 });
    assert.match(stdout, /completed 100\n[^]+/);
  });

  async function finished(client) {
    const receipt = await client.submit({ kind: "report", rows: 1 });
    await client.wait(receipt, { timeoutMs: 30_000 });
    return receipt;
  }
});
