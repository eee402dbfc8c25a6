// The client, in Chromium, on a page of another origin than the service: what goes over the wire is what the browser's own debugger
// saw there. What polling does is tested here, so that push is off; push.mjs is about that. `OFFLOAD_BIN=../../target/debug/offload npm run test:browser`; CHROMIUM names another browser than Debian's.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { skip as noBrowser, start } from "./support/chromium.mjs";
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
      const file = /^\/offload-client\/([a-z]+\.js)$/.exec(request.url)?.[1];
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
    wire = await listen(cdp);
    await page.goto(origin);
    await page.waitForFunction(() => globalThis.ready);
    await page.evaluate((api) => (globalThis.client = new OffloadClient({ api, push: false })), stack.api);
  });

  afterEach(() => page.close());

  /** Every exchange over the wire: a preflight is an OPTIONS of its own, a revalidation is the 304 that it got. */
  async function listen(session) {
    const exchanges = new Map();
    const of = (id) => exchanges.get(id) ?? exchanges.set(id, { id }).get(id);
    session.on("Network.requestWillBeSent", ({ requestId, request: { url, method, headers } }) => {
      Object.assign(of(requestId), { url, method, asked: lower(headers) });
    });
    session.on("Network.requestWillBeSentExtraInfo", ({ requestId, headers }) => Object.assign(of(requestId), { sent: lower(headers) }));
    session.on("Network.responseReceivedExtraInfo", ({ requestId, statusCode }) => Object.assign(of(requestId), { status: statusCode }));
    await session.send("Network.enable");
    const on = (base) => [...exchanges.values()].filter((e) => e.url?.startsWith(base));
    return { s3: () => on(stack.s3), api: () => on(stack.api), told: (list) => list.map((e) => `${e.method} ${e.status}`) };
  }

  const lower = (headers) => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

  const LONG = { kind: "report", rows: 10, delay_ms: 4_000 };

  /**
   * Looks three times at an order that waits, with timers so early that nothing has happened in between, and cancels it.
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
    const answered = () => wire.s3().filter((e) => e.method === "GET" && e.status !== undefined);
    for (const end = Date.now() + 60_000; answered().length < 3 && Date.now() < end; ) {
      await sleep(50);
    }
    return page.evaluate(() => globalThis.cancel());
  };

  test("the browser's own cache revalidates, and nothing is asked before", async (t) => {
    const updates = await unchanged({});
    const looks = wire.s3();
    t.diagnostic(`at S3: ${wire.told(looks).join(", ")}; at the api: ${wire.told(wire.api()).join(", ")}`);
    assert.deepEqual(wire.told(looks).slice(0, 3), ["GET 200", "GET 304", "GET 304"]);
    assert.deepEqual(updates, ["pending", "cancelled"], "a 304 is no update");
    assert.deepEqual(looks.map((e) => "if-none-match" in e.sent).slice(0, 3), [false, true, true], "the cache sent the validator");
    assert.ok(looks.every((e) => !("if-none-match" in e.asked)), "the page did not");
  });

  test("an order is followed to its end without a preflight at S3, and the api answers no poll", async (t) => {
    const final = await page.evaluate(async (order) => client.wait(await client.submit(order), { timeoutMs: 30_000 }), LONG);
    assert.equal(final.status, "completed");
    const looks = wire.s3();
    t.diagnostic(`at S3: ${wire.told(looks).join(", ")}; at the api: ${wire.told(wire.api()).join(", ")}`);
    assert.ok(looks.length >= 1 && looks.every((e) => e.method === "GET"), "no preflight");
    for (const e of looks) {
      assert.deepEqual([e.sent.authorization, e.sent.cookie, e.sent.origin], [undefined, undefined, origin]);
    }
    assert.deepEqual(wire.told(wire.api()).filter((e) => e !== "OPTIONS 200"), ["POST 202"]);
  });

  test("a preflight would be seen: a script that sends the validator itself causes one", async () => {
    await unchanged({ httpCache: false });
    assert.ok(wire.s3().some((e) => e.method === "OPTIONS"), `${wire.told(wire.s3())}`);
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
    const looks = wire.s3().filter((e) => e.method === "GET");
    t.diagnostic(`at S3: ${wire.told(looks).join(", ")}; at the api: ${wire.told(wire.api()).join(", ")}`);
    assert.deepEqual([looks[0].url === url, looks[0].status], [true, 403]);
    assert.ok(looks.slice(1).every((e) => e.url !== url && e.status < 400), `${wire.told(looks)}`);
    const renewals = wire.api().filter((e) => e.method === "GET");
    assert.deepEqual(renewals.map((e) => [e.status, e.sent.authorization]), [[200, `Bearer ${receipt.order_token}`]]);
  });

  test("a tab that sleeps looks at nothing, and once when it wakes", async (t) => {
    await page.evaluate(async (order) => {
      globalThis.ended = null;
      const receipt = await client.submit(order);
      client.wait(receipt, { timeoutMs: 60_000 }).then((final) => (globalThis.ended = final.status));
    }, LONG);
    await cdp.send("Page.setWebLifecycleState", { state: "frozen" });
    await sleep(500);
    const asleep = wire.s3().length;
    await sleep(7_000);
    assert.equal(wire.s3().length, asleep, "no look while it sleeps");
    await cdp.send("Page.setWebLifecycleState", { state: "active" });
    const woke = Date.now();
    await page.waitForFunction(() => globalThis.ended === "completed", null, { timeout: 20_000, polling: 20 });
    t.diagnostic(`${wire.s3().length - asleep} look, ${Date.now() - woke} ms after waking`);
    assert.equal(wire.s3().length, asleep + 1);
  });

  test("Date can be read across origins, so a clock that is off is corrected", async () => {
    const heads = await page.evaluate(async (order) => {
      const { headers } = await fetch((await client.submit(order)).status_url);
      return [headers.get("date"), headers.get("etag")];
    }, LONG);
    assert.ok(heads.every((h) => typeof h === "string"), `Date and ETag: ${heads}`);
    for (const off of [600_000, -600_000]) {
      const looks = await page.evaluate(
        async ([api, off, s3]) => {
          const now = () => Date.now() + off;
          const receipt = await new OffloadClient({ api, push: false }).submit({ kind: "report", rows: 10, delay_ms: 1_500 });
          let looks = 0;
          const counted = (url, init) => ((looks += url.startsWith(s3) ? 1 : 0), fetch(url, init));
          const final = await new OffloadClient({ api, push: false, now, fetch: counted }).wait(receipt, { timeoutMs: 20_000 });
          return final.done ? looks : -1;
        },
        [stack.api, off, stack.s3],
      );
      assert.ok(looks >= 1 && looks <= 8, `${looks} looks`);
    }
  });

  test("a problem is told across origins, and an abort leaves nothing under way", async () => {
    const told = await page.evaluate(async () => {
      const e = await client.submit({ kind: "fulfilment", items: [] }).catch((e) => e);
      return { name: e.name, slug: e.slug, faults: e.errors.length, request: e.requestId };
    });
    assert.deepEqual([told.name, told.slug, told.faults > 0, typeof told.request], ["OffloadProblem", "invalid-order", true, "string"]);
    const reason = await page.evaluate(async (order) => {
      const receipt = await client.submit(order);
      return client.wait(receipt, { signal: AbortSignal.timeout(50) }).catch((e) => e.name);
    }, LONG);
    assert.equal(reason, "TimeoutError");
    const before = wire.s3().length;
    await sleep(3_000);
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
