import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import type { ServerResponse } from "node:http";
import { test } from "node:test";

import { OffloadClient } from "../src/index.js";
import { type Stream, event, open, revisions, start } from "./support/push-service.js";

/** A stream with one event, which stays open, and a promise of when the client closes it. */
function endless(): { stream: Stream; closed: Promise<void> } {
  let close!: () => void;
  const closed = new Promise<void>((resolve) => (close = resolve));
  const stream = (r: ServerResponse) => {
    open(r).write(event("processing", 2));
    r.on("close", close);
  };
  return { stream, closed };
}

test("a page with many subscriptions keeps connections for requests", async (t) => {
  const streams = new Set<ServerResponse>();
  const stream = (r: ServerResponse) => {
    streams.add(open(r));
    r.write(event("processing", 2));
    r.on("close", () => streams.delete(r));
  };
  const s = await start(t, ...Array<Stream>(6).fill(stream));
  const [client, stop] = [new OffloadClient({ api: s.base, httpCache: true }), new AbortController()];
  const waits = Array.from({ length: 6 }, () => revisions(client, s.receipt, stop.signal).catch(() => "aborted"));
  const polled = await Promise.all([waits[4], waits[5]]);
  assert.deepEqual([polled, streams.size], [[[9], [9]], 4]);
  stop.abort();
  assert.deepEqual(await Promise.all(waits.slice(0, 4)), Array(4).fill("aborted"));
  for await (const { revision } of client.updates(s.receipt)) {
    assert.equal(revision, 2, "there is room for a stream again");
    break;
  }
});

test("a caller that stops early leaves nothing behind", async (t) => {
  const { stream, closed } = endless();
  const s = await start(t, stream);
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
  await closed;
  assert.deepEqual([timers.size, getEventListeners(outer.signal, "abort").length], [0, 0]);
});

test("an abort closes the stream", async (t) => {
  const { stream, closed } = endless();
  const s = await start(t, stream);
  const stop = new AbortController();
  const onUpdate = () => stop.abort(new Error("enough"));
  const waiting = new OffloadClient({ api: s.base }).wait(s.receipt, { signal: stop.signal, onUpdate });
  await assert.rejects(waiting, /enough/);
  await closed;
});
