import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";

import { takeEvents } from "../src/events.js";
import { OffloadClient, type SavedReceipt } from "../src/index.js";

const ID = "0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f";

function object(status: string, revision: number): string {
  const done = status !== "pending" && status !== "processing";
  const at = "2026-11-20T12:00:00.000Z";
  return JSON.stringify({ id: ID, status, done, revision, created_at: at, updated_at: at, poll_after_ms: 10, eta: null });
}

const event = (status: string, revision: number) => `id: ${revision}\ndata: ${object(status, revision)}\n\n`;

/** A service that tells as it is told to; its status object is `completed`, revision 9. */
async function service(streams: ((response: ServerResponse) => void)[]) {
  const seen: { url: string; lastId: string | undefined; authorization: string | undefined }[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const url = request.url ?? "";
    seen.push({ url, lastId: request.headers["last-event-id"] as string | undefined, authorization: request.headers.authorization });
    if (url.startsWith("/status")) {
      response.writeHead(200, { "content-type": "application/json" }).end(object("completed", 9));
    } else if (request.method === "DELETE") {
      const view = { ...JSON.parse(object("cancelled", 8)), status_url: `${base}/status`, links: {} };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(view));
    } else {
      (streams.shift() ?? ((r) => r.writeHead(501).end()))(response);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const receipt: SavedReceipt = {
    id: ID,
    order_token: "v1.a+b",
    status_url: `${base}/status`,
    poll_after_ms: 0,
    links: { self: `${base}/order/${ID}`, events: `${base}/order/${ID}/events` },
  };
  const stop = () => new Promise((resolve) => (server.close(resolve), server.closeAllConnections()));
  return { base, receipt, seen, stop, looks: () => seen.filter(({ url }) => url.startsWith("/status")).length };
}

const stream = (response: ServerResponse) => response.writeHead(200, { "content-type": "text/event-stream" });

async function revisions(client: OffloadClient, receipt: SavedReceipt, signal?: AbortSignal): Promise<number[]> {
  const all: number[] = [];
  await client.wait(receipt, { signal, onUpdate: ({ revision }) => all.push(revision) });
  return all;
}

describe("push", () => {
  test("events are taken out of what came, in whatever pieces", () => {
    const { events, rest } = takeEvents(': following\nretry: 2000\n\nid: 3\r\ndata: {"a":\ndata: 1}\n\n:\n\nid:4\ndata:x\n\nid: 5\nda');
    assert.deepEqual(events, [{ id: "3", data: '{"a":\n1}' }, { id: "4", data: "x" }]);
    assert.equal(rest, "id: 5\nda");
    // A line separator of Unicode is none of an event's.
    assert.deepEqual(takeEvents('data: "a\u2028b"\n\n').events, [{ id: null, data: '"a\u2028b"' }]);
    assert.deepEqual(takeEvents("data: x\r").rest + "\n\r\n", "data: x\r\n\r\n", "half a line's end is kept");
  });

  test("where the service tells of changes nobody looks", async () => {
    const s = await service([
      (r) => stream(r).end(`: following\n\n${event("pending", 1)}${event("processing", 2)}${event("pending", 1)}${event("completed", 3)}`),
    ]);
    try {
      assert.deepEqual(await revisions(new OffloadClient({ api: s.base }), s.receipt), [1, 2, 3]);
      assert.deepEqual([s.looks(), s.seen.length], [0, 1]);
      assert.deepEqual([s.seen[0]?.url.split("?")[1], s.seen[0]?.authorization], ["token=v1.a%2Bb", undefined]);
    } finally {
      await s.stop();
    }
  });

  test("a stream that breaks off is taken up once, and then the schedule holds", async () => {
    const s = await service([
      (r) => stream(r).write(event("processing", 2), () => r.destroy()),
      (r) => stream(r).end(event("processing", 3)),
    ]);
    try {
      assert.deepEqual(await revisions(new OffloadClient({ api: s.base }), s.receipt), [2, 3, 9]);
      assert.deepEqual(s.seen.map(({ lastId }) => lastId), [undefined, "2", undefined]);
    } finally {
      await s.stop();
    }
  });

  test("a service that does not tell after all is looked at, and so is one that is not to be listened to", async () => {
    const s = await service([]);
    try {
      assert.deepEqual(await revisions(new OffloadClient({ api: s.base }), s.receipt), [9]);
      assert.deepEqual([s.seen.length, s.looks()], [2, 1]);
      assert.deepEqual(await revisions(new OffloadClient({ api: s.base, push: false }), s.receipt), [9]);
      assert.deepEqual([s.seen.length, s.looks()], [3, 2]);
    } finally {
      await s.stop();
    }
  });

  test("a stream that has fallen silent is given up", async () => {
    const s = await service([(r) => void stream(r).write(event("processing", 2)), (r) => void stream(r).write(": hello\n\n")]);
    try {
      // Time goes two hundred times as fast for this client.
      const client = new OffloadClient({ api: s.base, setTimeout: (call, ms) => setTimeout(call, ms / 200) });
      assert.deepEqual(await revisions(client, s.receipt), [2, 9]);
    } finally {
      await s.stop();
    }
  });

  test("a stream that does not begin is given up", async () => {
    const s = await service([() => {}]);
    try {
      const client = new OffloadClient({ api: s.base, setTimeout: (call, ms) => setTimeout(call, ms / 200) });
      assert.deepEqual(await revisions(client, s.receipt), [9]);
      assert.deepEqual([s.seen.length, s.looks()], [2, 1]);
    } finally {
      await s.stop();
    }
  });

  test("what is no status object is no news", async () => {
    const s = await service([(r) => stream(r).end(`data: null\n\ndata: {"revision":7}\n\ndata: <html>\n\n${event("completed", 3)}`)]);
    try {
      assert.deepEqual(await revisions(new OffloadClient({ api: s.base }), s.receipt), [3]);
    } finally {
      await s.stop();
    }
  });

  test("who listens hears of a cancellation at once, whatever the stream says", async () => {
    const s = await service([(r) => void stream(r).write(event("processing", 2))]);
    try {
      const client = new OffloadClient({ api: s.base });
      const all: string[] = [];
      const told = ({ status }: { status: string }) => (all.push(status), status === "processing" && void client.cancel({ ...s.receipt }));
      assert.equal((await client.wait(s.receipt, { onUpdate: told })).status, "cancelled");
      assert.deepEqual([all, s.looks()], [["processing", "cancelled"], 0]);
    } finally {
      await s.stop();
    }
  });

  test("a page that follows many orders leaves connections to the api for other requests", async () => {
    const open = new Set<ServerResponse>();
    const s = await service(Array(6).fill((r: ServerResponse) => (open.add(stream(r)), r.write(event("processing", 2)), r.on("close", () => open.delete(r)))));
    try {
      const [client, stop] = [new OffloadClient({ api: s.base, httpCache: true }), new AbortController()];
      const followers = Array.from({ length: 6 }, () => revisions(client, s.receipt, stop.signal).catch(() => "aborted"));
      const ends = await Promise.all([followers[4], followers[5]]);
      assert.deepEqual([ends, open.size], [[[9], [9]], 4]);
      stop.abort();
      assert.deepEqual(await Promise.all(followers.slice(0, 4)), Array(4).fill("aborted"));
      for await (const { revision } of client.updates(s.receipt)) {
        assert.equal(revision, 2, "there is room again");
        break;
      }
    } finally {
      await s.stop();
    }
  });

  test("a caller who stops in the middle leaves nothing behind", async () => {
    let closed!: () => void;
    const left = new Promise<void>((resolve) => (closed = resolve));
    const s = await service([(r) => (stream(r).write(event("processing", 2)), r.on("close", closed))]);
    try {
      const timers = new Set<unknown>();
      const client = new OffloadClient({
        api: s.base,
        setTimeout: (call, ms) => (timers.add(setTimeout(call, ms)), [...timers].at(-1)),
        clearTimeout: (timer) => (clearTimeout(timer as NodeJS.Timeout), void timers.delete(timer)),
      });
      const outer = new AbortController();
      for await (const { revision } of client.updates(s.receipt, { signal: outer.signal, timeoutMs: 60_000 })) {
        assert.equal(revision, 2);
        break;
      }
      await left;
      assert.deepEqual([timers.size, getEventListeners(outer.signal, "abort").length], [0, 0]);
    } finally {
      await s.stop();
    }
  });

  test("an abort closes the stream", async () => {
    let closed!: () => void;
    const left = new Promise<void>((resolve) => (closed = resolve));
    const s = await service([(r) => (stream(r).write(event("processing", 2)), r.on("close", closed))]);
    try {
      const stop = new AbortController();
      const waiting = new OffloadClient({ api: s.base }).wait(s.receipt, { signal: stop.signal, onUpdate: () => stop.abort(new Error("enough")) });
      await assert.rejects(waiting, /enough/);
      await left;
    } finally {
      await s.stop();
    }
  });
});
