import assert from "node:assert/strict";
import { test } from "node:test";

import { OffloadProblem } from "../src/index.js";
import { ORDER, client, rejection, service } from "./support/harness.js";
import { TOKEN, problem } from "./support/service.js";

/** A client whose source gives `token-1`, `token-2` and so on, and how often it was asked. */
function renewing() {
  let asked = 0;
  const credentials = () => Promise.resolve(`token-${++asked}`);
  return { client: client({ credentials, push: false }), asked: () => asked };
}

const sent = () => service.received.filter((r) => r.on === "api").map((r) => r.headers.authorization);

test("a key is sent to the api beside the order's token, and never to S3", async () => {
  const c = client({ key: "sok_mine", push: false });
  const receipt = await c.submit(ORDER);
  await c.status(receipt);
  service.finish();
  await c.wait(receipt);
  assert.deepEqual(new Set(sent()), new Set(["Bearer sok_mine"]));
  assert.equal(service.apiRequests("POST")[0]!.headers["offload-token"], undefined);
  assert.equal(service.apiRequests("GET")[0]!.headers["offload-token"], TOKEN);
  assert.ok(service.polls().length > 0);
  assert.ok(service.polls().every((r) => r.headers.authorization === undefined));
});

test("a token is kept until the api refuses it, and renewed once", async () => {
  const { client: c, asked } = renewing();
  const receipt = service.receipt();
  await c.status(receipt);
  await c.status(receipt);
  service.next.api.push(problem(401, "credentials-invalid"));
  await c.status(receipt);
  assert.deepEqual(sent(), ["Bearer token-1", "Bearer token-1", "Bearer token-1", "Bearer token-2"]);
  service.next.api.push(problem(401, "credentials-invalid"), problem(401, "credentials-invalid"));
  const refused = await rejection(c.status(receipt));
  assert.ok(refused instanceof OffloadProblem && refused.status === 401);
  assert.equal(asked(), 3);
});

test("requests that are refused at once renew the token once", async () => {
  const { client: c, asked } = renewing();
  const receipt = service.receipt();
  await c.status(receipt);
  service.next.api.push(problem(401, "credentials-invalid"), problem(401, "credentials-invalid"));
  await Promise.all([c.status(receipt), c.status(receipt)]);
  assert.equal(asked(), 2);
});

test("a source without credentials is an error, and nothing is sent", async () => {
  const c = client({ credentials: () => Promise.reject(new Error("the issuer is down")) });
  assert.match(String(await rejection(c.submit(ORDER))), /the issuer is down/);
  assert.equal(service.received.length, 0);
});
