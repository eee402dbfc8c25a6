import assert from "node:assert/strict";
import { test } from "node:test";

import { REQUEST_BACKOFF, delay, isRetryable, retryAfter } from "../src/retry.js";

test("waits grow within their bounds", () => {
  for (let failures = 1; failures < 100; failures++) {
    const [least, most] = [delay(REQUEST_BACKOFF, failures, 0), delay(REQUEST_BACKOFF, failures, 1)];
    assert.ok(least >= REQUEST_BACKOFF.base / 2 && most <= REQUEST_BACKOFF.max && most === 2 * least);
    assert.ok(delay(REQUEST_BACKOFF, failures + 1, 0) >= least);
  }
  assert.equal(delay(REQUEST_BACKOFF, 1, 1), REQUEST_BACKOFF.base);
});

test("only transient errors are retried", () => {
  for (const status of [429, 502, 503, 504]) {
    assert.ok(isRetryable(status, null), `${status}`);
  }
  for (const status of [400, 401, 403, 404, 408, 409, 410, 413, 415, 422, 500, 501]) {
    assert.ok(!isRetryable(status, null), `${status}`);
  }
  assert.ok(isRetryable(409, "1"), "our own earlier attempt is still in work");
  assert.ok(!isRetryable(422, "1"));
});

test("Retry-After is obeyed up to thirty seconds", () => {
  const now = Date.parse("Fri, 20 Nov 2026 12:00:00 GMT");
  assert.equal(retryAfter("2", now), 2_000);
  assert.equal(retryAfter("0", now), 0);
  assert.equal(retryAfter("86400", now), 30_000);
  assert.equal(retryAfter("Fri, 20 Nov 2026 12:00:05 GMT", now), 5_000);
  assert.equal(retryAfter("Fri, 20 Nov 2026 11:00:00 GMT", now), 0);
  assert.equal(retryAfter("soon", now), null);
  assert.equal(retryAfter(null, now), null);
});
