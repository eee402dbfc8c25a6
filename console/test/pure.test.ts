import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { completed, fieldsOf, initial, resolved, type Schema } from "../src/new/schema.ts";
import { groupsOf } from "../src/orders/reasons.ts";
import { coverage, sampleOf } from "../src/orders/sample.ts";
import { barOf } from "../src/orders/window-bar.ts";
import { amount, clock, coarse, duration, moment, money } from "../src/time.ts";
import type { Listed } from "../src/types.ts";

const openapi = JSON.parse(readFileSync("../openapi/openapi.json", "utf8"));
const schema = resolved(openapi.components.schemas.OrderRequest as Schema, openapi);
const order = (rest: object): Listed =>
  ({ created_at: "2026-11-27T12:00:00.000Z", finished_at: null, ...rest }) as unknown as Listed;

test("durations have two units at most", () => {
  assert.equal(duration(840), "840 ms");
  assert.equal(duration(12_440), "12.4 s");
  assert.equal(duration(59_960), "1 min 00 s");
  assert.equal(duration(3_599_900), "1 h 00 min");
  assert.equal(duration(90_000_000), "1 d 1 h");
  assert.equal(duration(-2_000), "−2.0 s");
  assert.equal(coarse(119_999), "1 min");
});

test("dollars have cents, and groups of three", () => {
  assert.equal(money(21.296), "$21.30");
  assert.equal(money(1_234_567.5), "$1\u2009234\u2009567.50");
  assert.equal(money(999.999), "$1\u2009000.00");
  assert.equal(money(0), "$0.00");
  assert.equal(money(0.001), "<$0.01");
});

test("times are as the person wants them", () => {
  const at = Date.parse("2026-11-27T12:00:03.000Z");
  assert.equal(clock(at, "utc"), "12:00:03Z");
  assert.equal(moment(at, at + 86_400_000, "utc"), "2026-11-27 12:00:03Z");
  assert.equal(moment(at, at + 5_000, "relative"), "5 s ago");
  assert.equal(moment(at, at - 5_000, "relative"), "in 5 s");
});

test("figures stay short", () => {
  assert.equal(amount(9_999), "9\u2009999");
  assert.equal(amount(12_345), "12.3 k");
  assert.equal(amount(NaN), "–");
});

test("the form asks for what the chosen kind needs", () => {
  const first = initial(schema);
  assert.deepEqual(first, { kind: "fulfilment", items: [{ sku: "", quantity: 1 }] });
  const report = completed(schema, { ...(first as object), kind: "report" });
  assert.deepEqual(report, { kind: "report", rows: 1 });
  assert.deepEqual(
    fieldsOf(schema, report).map(({ name }) => name),
    ["kind", "rows", "delay_ms", "options"],
  );
});

test("a member that its schema requires is made, and one that it no longer has goes", () => {
  const nested: Schema = {
    properties: { a: { enum: ["x", "y"] } },
    required: ["a"],
    allOf: [
      {
        if: { properties: { a: { const: "y" } }, required: ["a"] },
        then: { properties: { b: { type: "boolean" } }, required: ["b"] },
      },
    ],
  };
  assert.deepEqual(completed(nested, { a: "y" }), { a: "y", b: false });
  assert.deepEqual(completed(nested, { a: "x", b: true }), { a: "x" });
});

test("references that go in circles end", () => {
  const document = { defs: { tree: { properties: { child: { $ref: "#/defs/tree" } } } } };
  assert.ok(resolved({ $ref: "#/defs/tree" }, document));
});

test("dead letters are grouped by reason, the most frequent one first", () => {
  const failed = (type: string, at: string): Listed =>
    order({ error: { type: `https://x/problems/${type}`, title: type, detail: at }, updated_at: at });
  const groups = groupsOf([
    failed("a", "1"),
    failed("b", "2"),
    failed("b", "3"),
    order({ error: null, updated_at: "4" }),
  ]);
  assert.deepEqual(
    groups.map(({ reason, count, last }) => [reason, count, last]),
    [
      ["b", 2, "3"],
      ["a", 1, "1"],
      ["unknown", 1, "4"],
    ],
  );
});

test("the bar of a window ends with whatever comes last", () => {
  const eta = {
    earliest_at: "2026-11-27T12:00:10.000Z",
    at: "2026-11-27T12:00:15.000Z",
    latest_at: "2026-11-27T12:00:20.000Z",
  };
  const start = Date.parse("2026-11-27T12:00:00.000Z");
  assert.deepEqual(barOf(order({ eta }), start + 5_000), {
    from: 50,
    to: 100,
    middle: 75,
    now: 25,
    late: false,
    text: "expected within 15.0 s",
  });
  const late = barOf(order({ eta }), start + 40_000);
  assert.deepEqual([late?.to, late?.now, late?.late], [50, 100, true]);
});

test("coverage counts what ended before each percentile", () => {
  const eta = {
    earliest_at: "2026-11-27T12:00:01.000Z",
    at: "2026-11-27T12:00:02.000Z",
    latest_at: "2026-11-27T12:00:04.000Z",
  };
  const sample = (seconds: number) =>
    sampleOf(
      order({
        id: "i",
        kind: null,
        status: "completed",
        finished_at: new Date(Date.parse("2026-11-27T12:00:00Z") + seconds * 1_000).toISOString(),
      }),
      eta,
    );
  const all = [0.5, 1.5, 3, 5].map(sample).filter((one) => one !== undefined);
  assert.deepEqual(coverage(all), { p10: 0.25, p50: 0.5, p90: 0.75 });
  assert.equal(coverage([]), undefined);
  assert.equal(sampleOf(order({ status: "failed", finished_at: "2026-11-27T12:00:09.000Z" }), eta), undefined);
});
