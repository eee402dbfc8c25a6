// The construct, and the template of deploy/sam, which tests/infra compares with the Terraform.
// `UPDATE=1 npm test` writes it anew.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

import { App, Duration, SecretValue, Stack } from "aws-cdk-lib";

import { Offload, type OffloadProps } from "../lib/offload.js";
import { template } from "../lib/template.js";

interface Resource {
  readonly Type: string;
  readonly Properties: any;
}
type Template = { readonly Resources: Record<string, Resource> };

const COMMITTED = path.resolve(import.meta.dirname, "../../../sam/template.json");
const folder = mkdtempSync(path.join(tmpdir(), "offload-cdk-"));
const packages = ["api", "worker"].map((program) => {
  const file = path.join(folder, `offload-${program}.zip`);
  writeFileSync(file, program);
  return file;
});

function synth(more: Partial<OffloadProps> = {}): Template {
  const app = new App({ analyticsReporting: false });
  const stack = new Stack(app, "Offload");
  new Offload(stack, "Offload", {
    apiPackage: packages[0]!,
    workerPackage: packages[1]!,
    processor: "demo",
    auth: "keys",
    tokenSecret: SecretValue.secretsManager("offload-token"),
    ...more,
  });
  return app.synth().getStackByName("Offload").template as Template;
}

function environment(template: Template, name: string): Record<string, unknown> {
  const found = Object.values(template.Resources).find((r) => r.Properties?.FunctionName === name);
  return found!.Properties.Environment.Variables;
}

test("the template for SAM is what the construct makes", () => {
  const text = `${JSON.stringify(template(packages[0]!, packages[1]!), null, 1)}\n`;
  if (process.env["UPDATE"]) {
    writeFileSync(COMMITTED, text);
  }
  assert.ok(text === readFileSync(COMMITTED, "utf8"), "deploy/sam/template.json differs: UPDATE=1 npm test");
});

test("functions that get no orders have no settings of the work", () => {
  const made = synth({
    processor: "command",
    workerSettings: { OFFLOAD_COMMAND: "/var/task/render", OFFLOAD_MAX_ATTEMPTS: "3" },
    notifierSettings: { OFFLOAD_WEBHOOK_SECRET: "whsec_" },
  });
  assert.equal(environment(made, "offload-worker")["OFFLOAD_COMMAND"], "/var/task/render");
  for (const name of ["offload-notifier", "offload-sweeper", "offload-dead-letters"]) {
    const variables = environment(made, name);
    assert.equal(variables["OFFLOAD_PROCESSOR"], "none", name);
    assert.equal(variables["OFFLOAD_COMMAND"], undefined, name);
    assert.equal(variables["OFFLOAD_MAX_ATTEMPTS"], "3", name);
    assert.equal("OFFLOAD_WEBHOOK_SECRET" in variables, name === "offload-notifier", name);
  }
});

test("a message stays invisible for six times the functions timeout", () => {
  const made = synth({ workerTimeout: Duration.minutes(15) });
  const queues = Object.values(made.Resources).filter((r) => r.Type === "AWS::SQS::Queue");
  const visibility = Object.fromEntries(queues.map((q) => [q.Properties.QueueName, q.Properties.VisibilityTimeout]));
  assert.equal(visibility["offload-orders"], 6 * 900);
  assert.equal(visibility["offload-notifications"], 6 * 30);
});

test("a deployment can be made that a destroy takes away", () => {
  const kept = (template: Template) => Object.values(template.Resources).filter((r) => "DeletionPolicy" in r && r.DeletionPolicy === "Retain");
  assert.deepEqual(kept(synth()).map((r) => r.Type).sort(), ["AWS::DynamoDB::Table", "AWS::S3::Bucket"]);
  assert.deepEqual(kept(synth({ deletionProtection: false })), []);
});
