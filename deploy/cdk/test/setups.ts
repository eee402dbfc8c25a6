// The deployments that compare/ holds to Terraform's: the two examples of infra/terraform, one with
// every channel, and one with what is needed later. `node build/test/setups.js FOLDER` writes their
// templates there.

import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

import { App, Duration, Stack, Tags, aws_kms as kms, aws_logs as logs, aws_s3 as s3 } from "aws-cdk-lib";

import { Offload, type OffloadProps } from "../lib/offload.js";

const folder = mkdtempSync(path.join(tmpdir(), "offload-cdk-"));

/** Two packages. Their content is nothing to a template. */
export const [API_PACKAGE, WORKER_PACKAGE] = ["api", "worker"].map((program) => {
  const file = path.join(folder, `offload-${program}.zip`);
  writeFileSync(file, program);
  return file;
}) as [string, string];

/** What has to be said. */
export const LEAST: OffloadProps = {
  apiPackage: API_PACKAGE,
  workerPackage: WORKER_PACKAGE,
  workerProcessor: "demo",
  auth: "keys",
};

/** As Terraform makes them: the current version signs, and the next one is taken. */
const secrets = (name: string, of: string) => ["1", "2"].map((v) => ofAccount("ssm", `parameter/${name}/${of}/${v}`));
const ofAccount = (service: string, resource: string) => `arn:aws:${service}:eu-west-1:123456789012:${resource}`;

export const SETUPS: Record<string, OffloadProps> = {
  minimal: LEAST,
  channels: {
    ...LEAST,
    eventsFrom: "stream",
    priorities: true,
    webhookSecretArns: secrets("offload", "webhook-secret"),
    eventTopicArn: ofAccount("sns", "events"),
    stepFunctions: true,
    appsyncUrl: "https://abc.appsync-api.eu-west-1.amazonaws.com/event",
    appsyncApiArn: ofAccount("appsync", "apis/abc"),
  },
  production: {
    ...LEAST,
    name: "orders",
    auth: "keys,jwt",
    jwt: {
      issuer: "https://login.shop.example.com",
      audience: "orders",
      jwksUrl: "https://login.shop.example.com/.well-known/jwks.json",
      tenantClaim: "tenant",
    },
    domain: { name: "orders.example.com", certificateArn: ofAccount("acm", "certificate/a"), zoneId: "Z0123456789" },
    websocketDomain: { name: "push.orders.example.com", certificateArn: ofAccount("acm", "certificate/a"), zoneId: "Z0123456789" },
    corsOrigins: ["https://shop.example.com"],
    workerMaxConcurrency: 20,
    fargate: {
      image: "registry.example.com/render:1",
      subnetIds: ["subnet-0123456789abcdef0"],
      securityGroups: ["sg-0123456789abcdef0"],
      cpu: 1024,
      memory: 2048,
      minTasks: 2,
    },
    workerProcessor: "command",
    workerSettings: { OFFLOAD_COMMAND: "/app/render", OFFLOAD_CONCURRENCY: "4", OFFLOAD_JOB_TIMEOUT_SECONDS: "14400" },
    webhookSecretArns: secrets("orders", "webhook-secret"),
    tokenSecretArns: secrets("orders", "token-secret"),
    webhookAllow: ["*.shop.example.com"],
    eventTopicArn: ofAccount("sns", "orders-events"),
    websocketAccessLogs: true,
    pointInTimeRecovery: true,
    alarmTopicArn: ofAccount("sns", "alarms"),
    budget: { monthlyUsd: 200, tag: { key: "service", value: "orders" } },
    logRetention: logs.RetentionDays.THREE_MONTHS,
  },
};

/** They need a stack of their own, for the key. */
function secondDay(): OffloadProps {
  const key = kms.Key.fromKeyArn(new Stack(new App(), "Keys"), "Key", ofAccount("kms", "key/a"));
  const { subnetIds, securityGroups } = SETUPS["production"]!.fargate!;
  return {
    ...LEAST,
    customerKey: key,
    vpc: { subnetIds, securityGroupIds: securityGroups },
    auth: "gateway",
    jwt: { issuer: "https://login.example.com", audience: "orders" },
    allowedCidrs: ["192.0.2.0/24"],
    maxSignatureAge: Duration.minutes(10),
    apiReservedConcurrency: 20,
    workerProvisionedPollers: { minimum: 2, maximum: 4 },
    statusTransitions: [{ days: 30, storageClass: s3.StorageClass.INFREQUENT_ACCESS }],
    statusExpireDays: 90,
    shareWorkLogs: true,
  };
}
SETUPS["second_day"] = secondDay();

export interface Resource {
  readonly Type: string;
  readonly Properties: any;
}
export type Template = { readonly Resources: Record<string, Resource> };

export function synth(props: OffloadProps, use: (offload: Offload) => void = () => {}): Template {
  const app = new App({ analyticsReporting: false });
  const stack = new Stack(app, "Offload");
  use(new Offload(stack, "Offload", props));
  return app.synth().getStackByName("Offload").template as Template;
}

const to = process.argv[2];
// The tests import this file.
if (to && process.argv[1] === import.meta.filename) {
  for (const [name, props] of Object.entries(SETUPS)) {
    const made = synth(props, (offload) => Tags.of(offload).add("service", "orders"));
    writeFileSync(path.join(to, `${name}.json`), JSON.stringify(made, null, 1));
  }
}
