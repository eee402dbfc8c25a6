import assert from "node:assert/strict";
import { test } from "node:test";

import { OffloadClient } from "../src/index.js";
import { event, open, revisions, start } from "./support/push-service.js";

/** A client whose timers run two hundred times as fast. */
const fast = (api: string) => new OffloadClient({ api, setTimeout: (call, ms) => setTimeout(call, ms / 200) });

test("a subscriber does not poll", async (t) => {
  const events = [event("pending", 1), event("processing", 2), event("pending", 1), event("completed", 3)];
  const s = await start(t, (r) => open(r).end(`: subscribed\n\n${events.join("")}`));
  assert.deepEqual(await revisions(new OffloadClient({ api: s.base }), s.receipt), [1, 2, 3]);
  assert.deepEqual([s.polls(), s.received.length], [0, 1]);
  const [subscription] = s.received;
  assert.deepEqual([subscription?.url.split("?")[1], subscription?.authorization], ["token=v1.a%2Bb", undefined]);
});

test("a broken stream is resumed once before polling", async (t) => {
  const s = await start(
    t,
    (r) => open(r).write(event("processing", 2), () => r.destroy()),
    (r) => open(r).end(event("processing", 3)),
  );
  assert.deepEqual(await revisions(new OffloadClient({ api: s.base }), s.receipt), [2, 3, 9]);
  assert.deepEqual(
    s.received.map(({ lastId }) => lastId),
    [undefined, "2", undefined],
  );
});

test("a service that does not push is polled", async (t) => {
  const s = await start(t);
  assert.deepEqual(await revisions(new OffloadClient({ api: s.base }), s.receipt), [9]);
  assert.deepEqual([s.received.length, s.polls()], [2, 1]);
});

test("a client without push never subscribes", async (t) => {
  const s = await start(t);
  assert.deepEqual(await revisions(new OffloadClient({ api: s.base, push: false }), s.receipt), [9]);
  assert.deepEqual([s.received.length, s.polls()], [1, 1]);
});

test("a stream that falls silent is dead", async (t) => {
  const s = await start(
    t,
    (r) => void open(r).write(event("processing", 2)),
    (r) => void open(r).write(": hello\n\n"),
  );
  assert.deepEqual(await revisions(fast(s.base), s.receipt), [2, 9]);
});

test("a stream that does not begin is not awaited", async (t) => {
  const s = await start(t, () => {});
  assert.deepEqual(await revisions(fast(s.base), s.receipt), [9]);
  assert.deepEqual([s.received.length, s.polls()], [2, 1]);
});

test("an event that is not a status object is ignored", async (t) => {
  const s = await start(t, (r) =>
    open(r).end(`data: null\n\ndata: {"revision":7}\n\ndata: <html>\n\n${event("completed", 3)}`),
  );
  assert.deepEqual(await revisions(new OffloadClient({ api: s.base }), s.receipt), [3]);
});

test("a subscriber is notified of a cancellation at once", async (t) => {
  const s = await start(t, (r) => void open(r).write(event("processing", 2)));
  const client = new OffloadClient({ api: s.base });
  const all: string[] = [];
  const onUpdate = ({ status }: { status: string }) => {
    all.push(status);
    if (status === "processing") {
      void client.cancel({ ...s.receipt });
    }
  };
  assert.equal((await client.wait(s.receipt, { onUpdate })).status, "cancelled");
  assert.deepEqual([all, s.polls()], [["processing", "cancelled"], 0]);
});
