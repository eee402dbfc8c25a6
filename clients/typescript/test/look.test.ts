import assert from "node:assert/strict";
import { test } from "node:test";

import { lookOf } from "../src/look.js";
import { s3Error } from "./support/service.js";

const kind = (status: number, body = "") => lookOf(status, body).kind;

test("each answer of S3 is told apart", () => {
  assert.equal(kind(304), "unchanged");
  assert.equal(kind(200, '{"id":"x","revision":1,"done":false}'), "object");
  for (const status of [400, 401, 403, 404, 410]) {
    assert.equal(kind(status), "refused", `${status}`);
  }
  for (const status of [408, 429, 500, 502, 503, 504]) {
    assert.equal(kind(status), "unavailable", `${status}`);
  }
});

test("what is no status object is no answer", () => {
  for (const body of ["", "null", "3", "<html>log in</html>", '{"id":"x"', '{"id":"x"}', '{"id":"x","revision":"1","done":false}']) {
    assert.equal(kind(200, body), "unavailable", body);
  }
});

test("S3's word for an error is found, and nothing else is repeated", () => {
  assert.deepEqual(lookOf(400, s3Error(400, "ExpiredToken").body as string), { kind: "refused", why: "400 ExpiredToken" });
  assert.deepEqual(lookOf(503, s3Error(503, "SlowDown").body as string), { kind: "unavailable", why: "503 SlowDown" });
  assert.deepEqual(lookOf(403, "<Code>https://x?X-Amz-Signature=s</Code>"), { kind: "refused", why: "403" });
});
