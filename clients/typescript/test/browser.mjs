// The client, in Chromium, on a page of another origin than the service. What goes over the wire is
// what the browser's debugger reports. This is about polling, so that push is off: for that see
// push.mjs. `OFFLOAD_BIN=../../target/debug/offload npm run test:browser`; CHROMIUM names another
// browser than Debian's.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { OffloadClient } from "../dist/index.js";
import { skip as noBrowser, start } from "./support/chromium.mjs";
import { eventually } from "./support/eventually.mjs";
import { expired, skip as noBinary, up } from "./support/stack.mjs";

const PAGE = `<!doctype html><meta charset="utf-8"><title>shop</title><script type="module">
import * as offload from "/offload-client/index.js";
Object.assign(globalThis, offload);
globalThis.ready = true;
</script>`;

describe("in a browser", { skip: noBinary || noBrowser, timeout: 120_000 }, () => {
  let stack, shop, origin, browser;
  let page, cdp, wire;

  before(async () => {
    stack = await up("--workers", "8", "--job-seconds", "1");
    shop = createServer(async (request, response) => {
      const file = /^\/offload-client\/([a-z0-9-]+\.js)$/.exec(request.url)?.[1];
      const body = file ? await readFile(new URL(`../dist/${file}`, import.meta.url)) : PAGE;
      response.writeHead(200, { "content-type": file ? "text/javascript" : "text/html" }).end(body);
    });
    await new Promise((resolve) => shop.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${shop.address().port}`;
    browser = await start();
  });

  after(async () => {
    await browser?.stop();
    shop?.close();
    await stack?.stop();
  });

  beforeEach(async () => {
    page = await browser.context.newPage();
    cdp = await browser.context.newCDPSession(page);
    wire = await record(cdp);
    await page.goto(origin);
    await page.waitForFunction(() => globalThis.ready);
    await page.evaluate((api) => (globalThis.client = new OffloadClient({ api, push: false })), stack.api);
  });

  afterEach(() => page.close());

  /**
   * Records every exchange over the wire: a preflight is an OPTIONS of its own, a revalidation is
   * its 304.
   */
  async function record(session) {
    const exchanges = new Map();
    const of = (id) => exchanges.get(id) ?? exchanges.set(id, { id }).get(id);
    session.on("Network.requestWillBeSent", ({ requestId, request: { url, method, headers } }) => {
      Object.assign(of(requestId), { url, method, set: lower(headers) });
    });
    session.on("Network.requestWillBeSentExtraInfo", ({ requestId, headers }) =>
      Object.assign(of(requestId), { sent: lower(headers) }),
    );
    session.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) =>
      Object.assign(of(requestId), { status: statusCode }),
    );
    await session.send("Network.enable");
    const on = (base) => [...exchanges.values()].filter((e) => e.url?.startsWith(base));
    return {
      s3: () => on(stack.s3),
      api: () => on(stack.api),
      lines: (list) => list.map((e) => `${e.method} ${e.status}`),
    };
  }

  const lower = (headers) =>
    Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

  const LONG = { kind: "report", rows: 10, delay_ms: 4_000 };

  /**
   * Polls an order three times, with timers so early that nothing has changed in between, and
   * cancels it.
   */
  const unchanged = async (options) => {
    await page.evaluate(
      async (options) => {
        const early = (call, ms) => setTimeout(call, Math.min(ms, 1_000));
        const client = new OffloadClient({ ...options, push: false, setTimeout: early });
        const order = { kind: "fulfilment", items: [{ sku: "A-1", quantity: 2 }] };
        const receipt = await client.submit(order, { options: { delay_seconds: 20 } });
        const updates = [];
        const waiting = client.wait(receipt, { onUpdate: (s) => updates.push(s.status) });
        globalThis.cancel = async () => (await client.cancel(receipt), await waiting, updates);
      },
      { api: stack.api, ...options },
    );
    const responses = () => wire.s3().filter((e) => e.method === "GET" && e.status !== undefined);
    await eventually("there are three polls", () => responses().length >= 3);
    return page.evaluate(() => globalThis.cancel());
  };

  /** Waits for an order with another client, outside of the browser. How often that one polled. */
  const witness = async (receipt) => {
    let polls = 0;
    const counted = (url, init) => ((polls += url.startsWith(stack.s3) ? 1 : 0), fetch(url, init));
    const final = await new OffloadClient({ api: stack.api, push: false, fetch: counted }).wait(receipt, {
      timeoutMs: 60_000,
    });
    assert.equal(final.status, "completed");
    return { polls };
  };

  test("the browser's own cache revalidates, without a preflight", async (t) => {
    const updates = await unchanged({});
    const polls = wire.s3();
    t.diagnostic(`at S3: ${wire.lines(polls).join(", ")}; at the api: ${wire.lines(wire.api()).join(", ")}`);
    assert.deepEqual(wire.lines(polls).slice(0, 3), ["GET 200", "GET 304", "GET 304"]);
    assert.deepEqual(updates, ["pending", "cancelled"], "a 304 is no update");
    assert.deepEqual(
      polls.map((e) => "if-none-match" in e.sent).slice(0, 3),
      [false, true, true],
      "the cache sent the validator",
    );
    assert.ok(
      polls.every((e) => !("if-none-match" in e.set)),
      "the page did not",
    );
  });

  test("a wait sends no preflight to S3, and no poll to the api", async (t) => {
    const final = await page.evaluate(
      async (order) => client.wait(await client.submit(order), { timeoutMs: 30_000 }),
      LONG,
    );
    assert.equal(final.status, "completed");
    const polls = wire.s3();
    t.diagnostic(`at S3: ${wire.lines(polls).join(", ")}; at the api: ${wire.lines(wire.api()).join(", ")}`);
    assert.ok(polls.length >= 1 && polls.every((e) => e.method === "GET"), "no preflight");
    for (const e of polls) {
      assert.deepEqual([e.sent.authorization, e.sent.cookie, e.sent.origin], [undefined, undefined, origin]);
    }
    assert.deepEqual(
      wire.lines(wire.api()).filter((e) => e !== "OPTIONS 200"),
      ["POST 202"],
    );
  });

  test("a script that sends the validator itself causes a preflight", async () => {
    await unchanged({ httpCache: false });
    assert.ok(
      wire.s3().some((e) => e.method === "OPTIONS"),
      `${wire.lines(wire.s3())}`,
    );
  });

  test("a URL that has expired is renewed after a reload", async (t) => {
    const receipt = await page.evaluate(async (order) => {
      const receipt = await client.submit(order);
      localStorage.setItem("order", JSON.stringify(receipt));
      return receipt;
    }, LONG);
    const url = expired(receipt.status_url, stack);
    await page.reload();
    await page.waitForFunction(() => globalThis.ready);
    const final = await page.evaluate(
      ([api, url]) => {
        const receipt = { ...JSON.parse(localStorage.getItem("order")), status_url: url };
        return new OffloadClient({ api, push: false }).wait(receipt, { timeoutMs: 30_000 });
      },
      [stack.api, url],
    );
    assert.equal(final.status, "completed");
    const polls = wire.s3().filter((e) => e.method === "GET");
    t.diagnostic(`at S3: ${wire.lines(polls).join(", ")}; at the api: ${wire.lines(wire.api()).join(", ")}`);
    assert.deepEqual([polls[0].url === url, polls[0].status], [true, 403]);
    assert.ok(
      polls.slice(1).every((e) => e.url !== url && e.status < 400),
      `${wire.lines(polls)}`,
    );
    const renewals = wire.api().filter((e) => e.method === "GET");
    assert.deepEqual(
      renewals.map((e) => [e.status, e.sent.authorization]),
      [[200, `Bearer ${receipt.order_token}`]],
    );
  });

  test("a frozen tab does not poll, and polls once when it is thawed", async (t) => {
    const receipt = await page.evaluate(async (order) => {
      globalThis.ended = null;
      const receipt = await client.submit(order);
      client.wait(receipt, { timeoutMs: 60_000 }).then((final) => (globalThis.ended = final.status));
      return receipt;
    }, LONG);
    await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
    const frozen = wire.s3().length;
    const { polls } = await witness(receipt);
    assert.ok(polls > 0, "a client that is not frozen has polled");
    assert.equal(wire.s3().length, frozen, "and the tab has not");
    await cdp.send("Page.setWebLifecycleState", { state: "active" });
    const thawed = Date.now();
    await page.waitForFunction(() => globalThis.ended === "completed", null, { timeout: 20_000, polling: 20 });
    t.diagnostic(`${wire.s3().length - frozen} poll, ${Date.now() - thawed} ms after the thaw`);
    assert.equal(wire.s3().length, frozen + 1);
  });

  test("a clock that is off is corrected across origins", async () => {
    const heads = await page.evaluate(async (order) => {
      const { headers } = await fetch((await client.submit(order)).status_url);
      return [headers.get("date"), headers.get("etag")];
    }, LONG);
    assert.ok(
      heads.every((h) => typeof h === "string"),
      `Date and ETag: ${heads}`,
    );
    for (const off of [600_000, -600_000]) {
      const polls = await page.evaluate(
        async ([api, off, s3]) => {
          const now = () => Date.now() + off;
          const receipt = await new OffloadClient({ api, push: false }).submit({
            kind: "report",
            rows: 10,
            delay_ms: 1_500,
          });
          let polls = 0;
          const counted = (url, init) => ((polls += url.startsWith(s3) ? 1 : 0), fetch(url, init));
          const final = await new OffloadClient({ api, push: false, now, fetch: counted }).wait(receipt, {
            timeoutMs: 20_000,
          });
          return final.done ? polls : -1;
        },
        [stack.api, off, stack.s3],
      );
      assert.ok(polls >= 1 && polls <= 8, `${polls} polls`);
    }
  });

  test("a problem is read across origins", async () => {
    const problem = await page.evaluate(async () => {
      const e = await client.submit({ kind: "fulfilment", items: [] }).catch((e) => e);
      return { name: e.name, slug: e.slug, violations: e.errors.length, request: e.requestId };
    });
    const { name, slug, violations, request } = problem;
    assert.deepEqual([name, slug, violations > 0, typeof request], ["OffloadProblem", "invalid-order", true, "string"]);
  });

  test("an aborted wait does not poll any more", async () => {
    const [receipt, reason] = await page.evaluate(async (order) => {
      const receipt = await client.submit(order);
      return [receipt, await client.wait(receipt, { signal: AbortSignal.timeout(50) }).catch((e) => e.name)];
    }, LONG);
    assert.equal(reason, "TimeoutError");
    const before = wire.s3().length;
    const { polls } = await witness(receipt);
    assert.ok(polls > 0, "a client that goes on has polled");
    assert.equal(wire.s3().length, before);
  });

  test("a large result is read across origins", async () => {
    const bytes = await page.evaluate(async () => {
      const final = await client.wait(await client.submit({ kind: "report", rows: 50_000 }), { timeoutMs: 30_000 });
      return (await (await client.result(final)).blob()).size;
    });
    assert.ok(bytes > 500_000, `${bytes}`);
  });
});
