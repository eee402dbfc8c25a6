// Pages that subscribe with the browser's own WebSocket and EventSource, from another origin than
// the service.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";

import { skip as noBrowser, start } from "./support/chromium.mjs";
import { skip as noBinary, up } from "./support/stack.mjs";

// What a page needs: a POST, and one of the two.
const PAGE = `<!doctype html><meta charset="utf-8"><title>shop</title><script type="module">
globalThis.submit = async (api, order) => {
  const headers = { "content-type": "application/json" };
  return (await fetch(api + "/order", { method: "POST", headers, body: JSON.stringify(order) })).json();
};
globalThis.received = [];
globalThis.byWebSocket = (receipt) => {
  const { links, order_token } = receipt;
  const socket = new WebSocket(links.websocket);
  socket.onopen = () => socket.send(JSON.stringify({ action: "subscribe", token: order_token }));
  socket.onmessage = ({ data }) => {
    const event = JSON.parse(data);
    // Events may come twice and in any order: only the newest counts.
    if (event.revision > (received.at(-1)?.revision ?? 0)) received.push(event.data);
    if (event.data.done) { globalThis.ended = true; socket.close(); }
  };
  socket.onclose = () => globalThis.ended || setTimeout(() => byWebSocket(receipt), 500);
};
globalThis.byEventSource = ({ links, order_token }) => {
  const events = globalThis.events = new EventSource(links.events + "?token=" + order_token);
  events.onmessage = ({ data }) => {
    const status = JSON.parse(data);
    if (status.revision > (received.at(-1)?.revision ?? 0)) received.push(status);
    globalThis.ended = status.done;
  };
};
globalThis.ready = true;
</script>`;

// The work starts after a second, so that the page has subscribed before.
const ORDER = { kind: "report", rows: 200_000, delay_ms: 6_000, options: { delay_seconds: 1 } };

describe("push in a browser", { skip: noBinary || noBrowser, timeout: 180_000 }, () => {
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

  /** Submits an order on the page, and subscribes there. */
  const subscribe = (stack, by) =>
    page.evaluate(async ([api, order, by]) => globalThis[by](await submit(api, order)), [stack.api, ORDER, by]);

  /** What the page has received, once the order has ended. */
  const end = async () => {
    await page.waitForFunction(() => globalThis.ended, undefined, { timeout: 60_000 });
    return page.evaluate(() => received);
  };

  const statuses = (received) => [...new Set(received.map((status) => status.status))];

  for (const by of ["byWebSocket", "byEventSource"]) {
    test(`a page receives every status of an order, ${by}`, async (t) => {
      const stack = await up("--workers", "4");
      try {
        await subscribe(stack, by);
        const received = await end();
        t.diagnostic(
          received.map(({ status, progress }) => `${status}${progress ? ` ${progress.percent} %` : ""}`).join(", "),
        );
        assert.deepEqual(statuses(received), ["pending", "processing", "completed"]);
        assert.ok(
          received.some(({ status, progress }) => status === "processing" && progress?.percent > 0),
          "with progress",
        );
      } finally {
        await stack.stop();
      }
    });

    test(`a killed and restarted server loses no final event, ${by}`, async (t) => {
      const data = await mkdtemp(join(tmpdir(), "offload-data-"));
      let stack = await up("--workers", "4", "--data", data);
      try {
        await subscribe(stack, by);
        await page.waitForFunction(() => received.some(({ status }) => status === "processing"), undefined, {
          timeout: 60_000,
        });
        const address = (url) => new URL(url).host;
        const same = [
          "--api",
          address(stack.api),
          "--s3",
          address(stack.s3),
          "--sqs",
          address(stack.sqs),
          "--dynamodb",
          address(stack.dynamodb),
        ];
        await stack.kill();
        stack = await up("--workers", "4", "--data", data, ...same);
        const received = await end();
        t.diagnostic(received.map(({ status, attempt }) => `${status} (attempt ${attempt})`).join(", "));
        assert.equal(received.at(-1).status, "completed");
        assert.ok(
          received.every((status, i) => i === 0 || status.revision > received[i - 1].revision),
          "and nothing goes back",
        );
      } finally {
        await stack.stop();
        await rm(data, { recursive: true, force: true });
      }
    });
  }

  test("an EventSource closes after the final event", async () => {
    const stack = await up("--workers", "4");
    try {
      await subscribe(stack, "byEventSource");
      await end();
      // The stream has ended. The browser reconnects once, gets 204, and stays closed.
      await page.waitForFunction(() => events.readyState === EventSource.CLOSED, undefined, { timeout: 30_000 });
    } finally {
      await stack.stop();
    }
  });
});
