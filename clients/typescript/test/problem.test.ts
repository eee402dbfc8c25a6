import assert from "node:assert/strict";
import { test } from "node:test";

import { OffloadError, OffloadProblem, problemOf } from "../src/problem.js";

test("a problem document becomes an error with every member", () => {
  const errors = [{ pointer: "/items/0/quantity", detail: "0 is less than 1" }];
  const document = {
    type: "https://status-offload.dev/problems/invalid-order",
    title: "The order is not valid",
    status: 422,
  };
  const e = problemOf(422, JSON.stringify({ ...document, detail: "1 violations", errors, request_id: "r" }), "other");
  assert.ok(e instanceof OffloadProblem && e instanceof OffloadError && e instanceof Error);
  assert.equal(e.name, "OffloadProblem");
  assert.deepEqual([e.type, e.title, e.status, e.detail], [document.type, document.title, 422, "1 violations"]);
  assert.deepEqual([e.slug, e.requestId, e.errors], ["invalid-order", "r", errors]);
  assert.match(e.message, /not valid.*\/items\/0\/quantity: 0 is less than 1/);
});

test("a body that is no problem document becomes a problem", () => {
  for (const body of ["", "<html>502</html>", "null", "[]", "3", '{"type":7,"errors":[{"pointer":1},null,3]}']) {
    const e = problemOf(502, body, "r");
    assert.deepEqual(
      [e.type, e.status, e.errors, e.requestId, e.slug],
      ["about:blank", 502, [], "r", "about:blank"],
      body,
    );
    assert.match(e.message, /502/);
  }
  assert.equal(problemOf(502, "", null).requestId, undefined);
});
