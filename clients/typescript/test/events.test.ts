import assert from "node:assert/strict";
import { test } from "node:test";

import { takeEvents } from "../src/events.js";

test("complete events are parsed, and comments are not", () => {
  const text = ': subscribed\nretry: 2000\n\nid: 3\r\ndata: {"a":\ndata: 1}\n\n:\n\nid:4\ndata:x\n\nid: 5\nda';
  const { events, rest } = takeEvents(text);
  assert.deepEqual(events, [
    { id: "3", data: '{"a":\n1}' },
    { id: "4", data: "x" },
  ]);
  assert.equal(rest, "id: 5\nda");
});

test("a line separator of Unicode does not end a line", () => {
  assert.deepEqual(takeEvents('data: "a\u2028b"\n\n').events, [{ id: null, data: '"a\u2028b"' }]);
});

test("half a line end is kept", () => {
  assert.equal(takeEvents("data: x\r").rest, "data: x\r");
});
