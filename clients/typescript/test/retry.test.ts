import assert from "node:assert/strict";
import { test } from "node:test";

import { API_BACKOFF, delay, isPassing, retryAfter } from "../src/retry.js";

test("waits grow, within their bounds", () => {
  for (let failures = 1; failures < 100; failures++) {
    const [least, most] = [delay(API_BACKOFF, failures, 0), delay(API_BACKOFF, failures, 1)];
    assert.ok(least >= API_BACKOFF.base / 2 && most <= API_BACKOFF.max && most === 2 * least);
    assert.ok(delay(API_BACKOFF, failures + 1, 0) >= least);
  }
  assert.equal(delay(API_BACKOFF, 1, 1), API_BACKOFF.base);
});

test("only what may pass is tried again", () => {
  for (const status of [429, 502, 503, 504]) {
    assert.ok(isPassing(status, null), `${status}`);
  }
  for (const status of [400, 401, 403, 404, 408, 409, 410, 413, 415, 422, 500, 501]) {
    assert.ok(!isPassing(status, null), `${status}`);
  }
  assert.ok(isPassing(409, "1"), "our own earlier try is still in service");
  assert.ok(!isPassing(422, "1"));
});

test("a wait that is named is obeyed within reason", () => {
  const now = Date.parse("Fri, 20 Nov 2026 12:00:00 GMT");
  assert.equal(retryAfter("2", now), 2_000);
  assert.equal(retryAfter("0", now), 0);
  assert.equal(retryAfter("86400", now), 30_000);
  assert.equal(retryAfter("Fri, 20 Nov 2026 12:00:05 GMT", now), 5_000);
  assert.equal(retryAfter("Fri, 20 Nov 2026 11:00:00 GMT", now), 0);
  assert.equal(retryAfter("soon", now), null);
  assert.equal(retryAfter(null, now), null);
});
