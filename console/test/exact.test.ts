import assert from "node:assert/strict";
import { test } from "node:test";

import { Inexact, parseExact } from "../src/live/exact.ts";

test("numbers that a double holds are numbers, however they are written", () => {
  const text = '{"a":1.0,"b":[1e2,-0.5,0,12345],"c":"18446744073709551616"}';
  const source = (): unknown => parseExact(text);
  // Without the source's text a browser trusts whole numbers alone.
  if ("rawJSON" in JSON) assert.deepEqual(source(), { a: 1, b: [100, -0.5, 0, 12_345], c: "18446744073709551616" });
  else assert.throws(source, Inexact);
});

test("digits that a double does not hold are kept or refused, never changed", () => {
  for (const text of ["[18446744073709551616]", "[0.1234567890123456789]", "[9007199254740993]"]) {
    try {
      assert.equal(JSON.stringify(parseExact(text)), text);
    } catch (error) {
      assert.ok(error instanceof Inexact);
    }
  }
});
