// Pages that are told of changes by the browser's own WebSocket and EventSource, from another origin than the service.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { skip as noBrowser, start } from "./support/chromium.mjs";
import { skip as noBinary, up } from "./support/stack.mjs";

// What a page needs of the service: a POST, and one of the two.
const PAGE = `<!doctype html><meta charset="utf-8"><title>shop</title><script type="module">
globalThis.place = async (api, order) => {
  const headers = { "content-type": "application/json" };
  return (await fetch(api + "/order", { method: "POST", headers, body: JSON.stringify(order) })).json();
};
globalThis.seen = [];
globalThis.byWebSocket = (receipt) => {
  const { links, order_token } = receipt;
  const socket = new WebSocket(links.websocket);
  socket.onopen = () => socket.send(JSON.stringify({ action: "subscribe", token: order_token }));
  socket.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    // Of what comes twice, and of what comes late, only the newest counts.
    if (event.revision > (seen.at(-1)?.revision ?? 0)) seen.push(event.data);
    if (event.data.done) { globalThis.ended = true; socket.close(); }
  };
  socket.onclose = () => globalThis.ended || setTimeout(() => byWebSocket(receipt), 500);
};
globalThis.byEventSource = ({ links, order_token }) => {
  const events = globalThis.events = new EventSource(links.events + "?token=" + order_token);
  events.onmessage = ({ data }) => {
    const status = JSON.parse(data);
    if (status.revision > (seen.at(-1)?.revision ?? 0)) seen.push(status);
    globalThis.ended = status.done;
  };
};
globalThis.ready = true;
</script>`;

// It waits for a second, so that the page is there before a worker is.
const ORDER = { kind: "report", rows: 200_000, delay_ms: 6_000, options: { delay_seconds: 1 } };

describe("told in a browser", { skip: noBinary || noBrowser, timeout: 180_000 }, () => {
  let shop, origin, browser, page;

  before(async () => {
    shop = createServer((_, response) => response.writeHead(200, { "content-type": "text/html" }).end(PAGE));
    await new Promise((resolve) => shop.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${shop.address().port}`;
    browser = await start();
  });

  after(async () => {
    await browser?.stop();
    shop?.close();
  });

  beforeEach(async () => {
    page = await browser.context.newPage();
    await page.goto(origin);
    await page.waitForFunction(() => globalThis.ready);
  });

  afterEach(() => page.close());

  /** Places an order on the page and follows it there. */
  const follow = (stack, by) => page.evaluate(async ([api, order, by]) => globalThis[by](await place(api, order)), [stack.api, ORDER, by]);

  /** What the page has seen, once the order has ended. */
  const end = async () => {
    await page.waitForFunction(() => globalThis.ended, undefined, { timeout: 60_000 });
    return page.evaluate(() => seen);
  };

  const statuses = (seen) => [...new Set(seen.map((status) => status.status))];

  for (const by of ["byWebSocket", "byEventSource"]) {
    test(`a page sees an order pending, in progress and completed, ${by}`, async (t) => {
      const stack = await up("--workers", "4");
      try {
        await follow(stack, by);
        const seen = await end();
        t.diagnostic(seen.map(({ status, progress }) => `${status}${progress ? ` ${progress.percent} %` : ""}`).join(", "));
        assert.deepEqual(statuses(seen), ["pending", "processing", "completed"]);
        assert.ok(seen.some(({ status, progress }) => status === "processing" && progress?.percent > 0), "with progress");
      } finally {
        await stack.stop();
      }
    });

    test(`a server that is killed and started again loses no final event, ${by}`, async (t) => {
      const data = await mkdtemp(join(tmpdir(), "offload-data-"));
      let stack = await up("--workers", "4", "--data", data);
      try {
        await follow(stack, by);
        await page.waitForFunction(() => seen.some(({ status }) => status === "processing"), undefined, { timeout: 60_000 });
        const address = (url) => new URL(url).host;
        const same = ["--api", address(stack.api), "--s3", address(stack.s3), "--sqs", address(stack.sqs), "--dynamodb", address(stack.dynamodb)];
        await stack.kill();
        stack = await up("--workers", "4", "--data", data, ...same);
        const seen = await end();
        t.diagnostic(seen.map(({ status, attempt }) => `${status} (attempt ${attempt})`).join(", "));
        assert.equal(seen.at(-1).status, "completed");
        assert.ok(seen.every((status, i) => i === 0 || status.revision > seen[i - 1].revision), "and nothing goes back");
      } finally {
        await stack.stop();
        await rm(data, { recursive: true, force: true });
      }
    });
  }

  test("an EventSource stops by itself after the final event", async () => {
    const stack = await up("--workers", "4");
    try {
      await follow(stack, "byEventSource");
      await end();
      // The stream has ended; the browser asks once more, is told that there is nothing, and does not ask again.
      await page.waitForFunction(() => events.readyState === EventSource.CLOSED, undefined, { timeout: 30_000 });
    } finally {
      await stack.stop();
    }
  });
});
