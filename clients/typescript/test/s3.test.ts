import assert from "node:assert/strict";
import { test } from "node:test";

import { pollResponse } from "../src/s3.js";
import { s3Error } from "./support/service.js";

const kind = (status: number, body = "") => pollResponse(status, body).kind;

test("each response of S3 has its meaning", () => {
  assert.equal(kind(304), "unchanged");
  assert.equal(kind(200, '{"id":"x","revision":1,"done":false}'), "object");
  for (const status of [400, 401, 403, 404, 410]) {
    assert.equal(kind(status), "refused", `${status}`);
  }
  for (const status of [408, 429, 500, 502, 503, 504]) {
    assert.equal(kind(status), "unavailable", `${status}`);
  }
});

test("what is not a status object is no response", () => {
  for (const body of [
    "",
    "null",
    "3",
    "<html>log in</html>",
    '{"id":"x"',
    '{"id":"x"}',
    '{"id":"x","revision":"1","done":false}',
  ]) {
    assert.equal(kind(200, body), "unavailable", body);
  }
});

test("the code of an S3 error is repeated, and nothing else", () => {
  const response = (status: number, code: string) => pollResponse(status, s3Error(status, code).body as string);
  assert.deepEqual(response(400, "ExpiredToken"), { kind: "refused", why: "400 ExpiredToken" });
  assert.deepEqual(response(503, "SlowDown"), { kind: "unavailable", why: "503 SlowDown" });
  assert.deepEqual(pollResponse(403, "<Code>https://x?X-Amz-Signature=s</Code>"), { kind: "refused", why: "403" });
});
