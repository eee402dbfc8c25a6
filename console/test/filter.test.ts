import assert from "node:assert/strict";
import { test } from "node:test";

import { admits, milliseconds, parse, valueOf, withTerm } from "../src/orders/filter.ts";
import type { Listed } from "../src/types.ts";

const NOW = Date.parse("2026-11-27T12:00:00.000Z");

function order(rest: Partial<Listed> = {}): Listed {
  return {
    id: "0198c1f0-0000-7000-8000-000000000001",
    tenant: "default",
    status: "failed",
    revision: 3,
    generation: 1,
    attempt: 2,
    kind: "report",
    priority: "normal",
    created_at: "2026-11-27T10:30:00.000Z",
    updated_at: "2026-11-27T11:00:00.000Z",
    started_at: null,
    finished_at: null,
    deadline_at: null,
    progress: null,
    eta: null,
    error: { type: "https://status-offload.dev/problems/attempts-exhausted", title: "Every attempt failed" },
    labels: { customer: "a b" },
    worker: null,
    cancel_requested: false,
    ...rest,
  };
}

const holds = (q: string, rest?: Partial<Listed>): boolean | undefined => admits(parse(q).terms, order(rest), NOW);

test("a filter without a state admits what is open", () => {
  assert.equal(holds("", { status: "pending" }), true);
  assert.equal(holds("", { status: "processing" }), true);
  assert.equal(holds(""), false);
});

test("all terms must hold", () => {
  assert.equal(holds('state:dead kind:report label:customer="a b" age>1h attempt>1 reason:attempts-exhausted'), true);
  assert.equal(holds("state:dead kind:fulfilment"), false);
  assert.equal(holds("state:dead age<1h"), false);
  assert.equal(holds("state:dead attempt:3"), false);
  assert.equal(holds("state:dead label:customer=b"), false);
  assert.equal(holds("state:dead label:customer"), true);
  assert.equal(holds("state:dead label:region"), false);
});

test("dead is what may be redriven, and failed is all of it", () => {
  const error = { type: "https://status-offload.dev/problems/processing-failed", title: "The work failed" };
  assert.equal(holds("state:failed", { error }), true);
  assert.equal(holds("state:dead", { error }), false);
});

test("what only the service knows is neither admitted nor refused", () => {
  assert.equal(holds("state:dead key:abc"), undefined);
  assert.equal(holds("state:open key:abc"), false);
});

test("a bare id is a term, in any case of its letters", () => {
  assert.equal(holds("state:failed 0198C1F0-0000-7000-8000-000000000001"), true);
  assert.deepEqual(parse("nonsense").mistake, { at: 0, detail: '"nonsense" is neither an order\'s id nor name:value' });
});

test("a mistake is marked where it is", () => {
  const at = (q: string): number | undefined => parse(q).mistake?.at;
  assert.equal(at("state:dead  stat:x"), 12);
  assert.equal(at("state:dead state:open"), 11);
  assert.equal(at("state:gone"), 0);
  assert.equal(at("age:1h"), 0);
  assert.equal(at("kind>1"), 0);
  assert.equal(at("age>1w"), 0);
  assert.equal(at("attempt>one"), 0);
  assert.equal(at('kind:report label:a="b'), 12);
  assert.equal(at("kind:"), 0);
});

test("names that may be there twice may", () => {
  assert.equal(parse("label:a label:b age>1m age<1h attempt>1 attempt<5").mistake, undefined);
});

test("any text is read to its end", () => {
  const letters = 'ab:><"= \t1h\u00e9';
  let seed = 1;
  for (let round = 0; round < 2_000; round += 1) {
    let text = "";
    for (let length = 0; length < 12; length += 1) {
      seed = (seed * 48_271) % 2_147_483_647;
      text += letters[seed % letters.length];
    }
    const { terms, mistake } = parse(text);
    assert.ok(mistake ? mistake.at < text.length : terms.every(({ from, to }) => from < to));
  }
});

test("one term is set in place of those of its name", () => {
  assert.equal(withTerm("kind:report state:open", "state", "failed"), "state:failed kind:report");
  assert.equal(withTerm("kind:report state:open", "state", undefined), "kind:report");
  assert.equal(withTerm("", "label", "a=b c"), 'label:"a=b c"');
  assert.equal(valueOf("kind:report state:dead", "state"), "dead");
});

test("durations are a number and a unit", () => {
  assert.equal(milliseconds("90s"), 90_000);
  assert.equal(milliseconds("2d"), 172_800_000);
  assert.equal(milliseconds("h"), undefined);
  assert.equal(milliseconds("1.5h"), undefined);
});
