// The construct, and the template of deploy/sam, which compare/ holds to the Terraform.
// `UPDATE=1 npm test` writes it anew.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

import { App, Duration, Stack, Tags, aws_iam as iam, aws_kms as kms, aws_s3 as s3 } from "aws-cdk-lib";

import { ROUTES } from "../lib/gateway.js";
import type { OffloadProps } from "../lib/offload.js";
import { template } from "../lib/template.js";
import { API_PACKAGE, LEAST, SETUPS, type Template, WORKER_PACKAGE, synth } from "./setups.js";

const COMMITTED = path.resolve(import.meta.dirname, "../../../sam/template.json");
const FARGATE = SETUPS["production"]!.fargate!;
const make = (more: Partial<OffloadProps> = {}) => synth({ ...LEAST, ...more });

function of(made: Template, type: string): any[] {
  return Object.values(made.Resources).filter((r) => r.Type === type).map((r) => r.Properties);
}

function environment(made: Template, name: string): Record<string, unknown> {
  return of(made, "AWS::Lambda::Function").find((f) => f.FunctionName === name)!.Environment.Variables;
}

/** Statements of this id, of roles and of the bucket. */
function statement(made: Template, sid: string): any[] {
  const policies = [
    ...of(made, "AWS::IAM::Role").flatMap((role) => (role.Policies ?? []).map((p: any) => p.PolicyDocument)),
    ...["AWS::IAM::Policy", "AWS::S3::BucketPolicy"].flatMap((type) => of(made, type).map((p) => p.PolicyDocument)),
  ];
  return policies.flatMap((policy) => policy.Statement).filter((s) => s.Sid === sid);
}

test("the template for SAM is what the construct makes", () => {
  const text = `${JSON.stringify(template(API_PACKAGE, WORKER_PACKAGE), null, 1)}\n`;
  if (process.env["UPDATE"]) {
    writeFileSync(COMMITTED, text);
  }
  assert.ok(text === readFileSync(COMMITTED, "utf8"), "deploy/sam/template.json differs: UPDATE=1 npm test");
});

test("functions that get no orders have no settings of the work", () => {
  const made = make({
    workerProcessor: "command",
    workerSettings: { OFFLOAD_COMMAND: "/var/task/render", OFFLOAD_MAX_ATTEMPTS: "3" },
    webhookSecretArns: SETUPS["channels"]!.webhookSecretArns,
  });
  assert.equal(environment(made, "offload-worker")["OFFLOAD_COMMAND"], "/var/task/render");
  for (const name of ["offload-notifier", "offload-sweeper", "offload-dead-letters"]) {
    const variables = environment(made, name);
    assert.equal(variables["OFFLOAD_PROCESSOR"], "none", name);
    assert.equal(variables["OFFLOAD_COMMAND"], undefined, name);
    assert.equal(variables["OFFLOAD_MAX_ATTEMPTS"], "3", name);
    assert.equal("OFFLOAD_WEBHOOK_SECRET_ARN" in variables, name === "offload-notifier", name);
  }
});

test("a message stays invisible for six times the functions timeout", () => {
  const made = make({ workerTimeout: Duration.minutes(15) });
  const queues = of(made, "AWS::SQS::Queue");
  const visibility = Object.fromEntries(queues.map((q) => [q.QueueName, q.VisibilityTimeout]));
  assert.equal(visibility["offload-orders"], 6 * 900);
  assert.equal(visibility["offload-notifications"], 6 * 30);
});

test("a deployment can be made that a destroy takes away", () => {
  const kept = (made: Template) =>
    Object.values(made.Resources).filter((r) => "DeletionPolicy" in r && r.DeletionPolicy === "Retain").map((r) => r.Type);
  assert.deepEqual(kept(make()).sort(), ["AWS::DynamoDB::Table", "AWS::S3::Bucket"]);
  assert.deepEqual(kept(make({ deletionProtection: false })), []);
});

test("with fargate a container works, and only the api and the notifier are functions", () => {
  const made = make({
    fargate: { ...FARGATE, ordersPerTask: 3 },
    workerMaxConcurrency: 20,
    workerSettings: { OFFLOAD_SHUTDOWN_GRACE_SECONDS: "90" },
    workerSecrets: { DATABASE_URL: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-x:url::" },
  });
  const names = of(made, "AWS::Lambda::Function").map((f) => f.FunctionName);
  assert.deepEqual(names.sort(), ["offload-api", "offload-notifier"]);
  const [task] = of(made, "AWS::ECS::TaskDefinition");
  assert.equal(task.ContainerDefinitions[0].StopTimeout, 95);
  const read = statement(made, "ReadSecretsmanager").map((s) => s.Resource);
  assert.ok(read.includes("arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-x"));
  const [service] = of(made, "AWS::ECS::Service");
  assert.deepEqual(service.DeploymentConfiguration.DeploymentCircuitBreaker, { Enable: true, Rollback: true });
  const [target] = of(made, "AWS::ApplicationAutoScaling::ScalableTarget");
  assert.deepEqual([target.MinCapacity, target.MaxCapacity], [2, 20]);
  const [policy] = of(made, "AWS::ApplicationAutoScaling::ScalingPolicy");
  assert.equal(policy.TargetTrackingScalingPolicyConfiguration.TargetValue, 3);
});

test("secrets are read by their ARNs, and one is made where none is named", () => {
  const made = make();
  assert.equal(of(made, "AWS::SecretsManager::Secret").length, 1);
  assert.equal(statement(made, "ReadSecretsmanager").length, 1);
  const arns = ["arn:aws:ssm:eu-west-1:123456789012:parameter/token:3", "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-x:a::"];
  const own = make({ tokenSecretArns: arns, secretKeyArns: ["arn:aws:kms:eu-west-1:123456789012:key/a"] });
  assert.equal(of(own, "AWS::SecretsManager::Secret").length, 0);
  assert.equal(environment(own, "offload-api")["OFFLOAD_TOKEN_SECRET_ARN"], arns.join(","));
  assert.equal(statement(own, "ReadSsm")[0].Resource, "arn:aws:ssm:eu-west-1:123456789012:parameter/token");
  assert.equal(statement(own, "ReadSecretsmanager")[0].Resource, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:token-x");
  assert.equal(statement(own, "Decrypt")[0].Action, "kms:Decrypt");
});

test("the teams own work gets its permissions by the workers role", () => {
  const allowed = new iam.PolicyStatement({ sid: "OwnWork", actions: ["s3:GetObject"], resources: ["*"] });
  for (const more of [{}, { fargate: FARGATE }]) {
    const made = synth({ ...LEAST, ...more }, (offload) => offload.workerRole.addToPrincipalPolicy(allowed));
    assert.equal(statement(made, "OwnWork").length, 1);
  }
});

test("each priority has a queue, and orders that may wait an eighth of the workers", () => {
  const made = make({ priorities: true, workerMaxConcurrency: 80 });
  for (const lane of ["HIGH", "LOW", "QUIET"]) {
    assert.ok(`OFFLOAD_${lane}_QUEUE_URL` in environment(made, "offload-api"), lane);
  }
  const most = of(made, "AWS::Lambda::EventSourceMapping").map((m) => m.ScalingConfig.MaximumConcurrency);
  assert.equal(most.filter((n) => n === 80).length, 3);
  assert.equal(most.filter((n) => n === 10).length, 1);
});

test("an authorizer is asked on the routes of callers, and on no others", () => {
  const authorizers: [OffloadProps["authorizer"], Partial<OffloadProps>, string][] = [
    [{ type: "jwt" }, { auth: "gateway", jwt: { issuer: "https://login.example.com", audience: "orders" } }, "JWT"],
    [undefined, { auth: "gateway", jwt: { issuer: "https://login.example.com", audience: "orders" } }, "JWT"],
    [{ type: "lambda", functionArn: "arn:aws:lambda:eu-west-1:123456789012:function:who" }, {}, "CUSTOM"],
    [{ type: "iam" }, { auth: "none" }, "AWS_IAM"],
  ];
  for (const [authorizer, more, type] of authorizers) {
    const made = make({ ...more, authorizer });
    const asked = of(made, "AWS::ApiGatewayV2::Route").filter((r) => r.AuthorizationType === type);
    assert.deepEqual(asked.map((r) => r.RouteKey).sort(), [...ROUTES.callers].sort(), type);
    assert.ok(asked.some((r) => r.RouteKey === "POST /order") && !asked.some((r) => r.RouteKey === "GET /order/{id}"));
    assert.equal(of(made, "AWS::ApiGatewayV2::Authorizer").length, type === "AWS_IAM" ? 0 : 1);
  }
});

test("events can come from the tables stream", () => {
  const made = make({ eventsFrom: "stream" });
  assert.equal(of(made, "AWS::DynamoDB::Table")[0].StreamSpecification.StreamViewType, "NEW_AND_OLD_IMAGES");
  assert.equal(of(made, "AWS::Lambda::EventSourceMapping").filter((m) => m.StartingPosition).length, 1);
  assert.equal(environment(made, "offload-worker")["OFFLOAD_EVENTS_FROM"], "stream");
  assert.equal(statement(made, "ReadStream").length, 1);
});

test("status URLs open from allowed networks, and while they are young", () => {
  const made = make({ allowedCidrs: ["192.0.2.0/24"], maxSignatureAge: Duration.minutes(10) });
  const [networks] = statement(made, "PresignedFromAllowedNetworksOnly");
  assert.deepEqual(networks.Condition.NotIpAddress["aws:SourceIp"], ["192.0.2.0/24"]);
  const [young] = statement(made, "YoungSignaturesOnly");
  assert.equal(young.Condition.NumericGreaterThan["s3:signatureAge"], "600000");
  assert.equal(statement(made, "FromAllowedNetworksOnly")[0].Effect, "Deny");
  assert.equal(statement(make(), "FromAllowedNetworksOnly").length, 0);
});

test("clients with an SDK may send its headers", () => {
  const cors = (made: Template) => of(made, "AWS::S3::Bucket")[0].CorsConfiguration.CorsRules[0].AllowedHeaders;
  assert.deepEqual(cors(make()), ["if-none-match"]);
  assert.ok(cors(make({ access: "sts" })).includes("authorization"));
});

test("clients get the URLs of domains, or of what is before them", () => {
  const { domain, websocketDomain } = SETUPS["production"]!;
  const api = environment(make({ domain, websocketDomain }), "offload-api");
  assert.equal(api["OFFLOAD_PUBLIC_URL"], "https://orders.example.com");
  assert.equal(api["OFFLOAD_WEBSOCKET_URL"], "wss://push.orders.example.com");
  const urls = { publicUrl: "https://cdn.example.com", websocketPublicUrl: "wss://cdn.example.com" };
  const behind = environment(make({ domain, ...urls }), "offload-api");
  assert.equal(behind["OFFLOAD_PUBLIC_URL"], urls.publicUrl);
  assert.equal(behind["OFFLOAD_WEBSOCKET_URL"], urls.websocketPublicUrl);
});

test("a customers key encrypts all that is kept, and each role may use it", () => {
  const arn = "arn:aws:kms:eu-west-1:123456789012:key/a";
  const stack = new Stack(new App(), "Keys");
  const made = make({ customerKey: kms.Key.fromKeyArn(stack, "Key", arn) });
  assert.ok(of(made, "AWS::SQS::Queue").every((q) => q.KmsMasterKeyId === arn));
  assert.ok(of(made, "AWS::Lambda::Function").every((f) => f.KmsKeyArn === arn));
  assert.ok(of(made, "AWS::Logs::LogGroup").every((g) => g.KmsKeyId === arn));
  assert.equal(of(made, "AWS::DynamoDB::Table")[0].SSESpecification.KMSMasterKeyId, arn);
  const [encryption] = of(made, "AWS::S3::Bucket")[0].BucketEncryption.ServerSideEncryptionConfiguration;
  assert.equal(encryption.ServerSideEncryptionByDefault.KMSMasterKeyID, arn);
  // Five functions and the signer.
  assert.equal(statement(made, "UseKey").length, 6);
});

test("functions can be in a network, and the api have functions of its own", () => {
  const vpc = { subnetIds: FARGATE.subnetIds, securityGroupIds: FARGATE.securityGroups };
  const made = make({ vpc, apiReservedConcurrency: 20 });
  for (const f of of(made, "AWS::Lambda::Function")) {
    assert.deepEqual(f.VpcConfig, { SubnetIds: vpc.subnetIds, SecurityGroupIds: vpc.securityGroupIds });
    assert.equal(f.ReservedConcurrentExecutions, f.FunctionName === "offload-api" ? 20 : undefined);
  }
});

test("pollers can be kept ready", () => {
  const made = make({ workerProvisionedPollers: { minimum: 2, maximum: 4 } });
  const kept = of(made, "AWS::Lambda::EventSourceMapping").filter((m) => m.ProvisionedPollerConfig);
  assert.deepEqual(kept.map((m) => m.ProvisionedPollerConfig), [{ MinimumPollers: 2, MaximumPollers: 4 }]);
  assert.equal(environment(made, "offload-api")["OFFLOAD_EXPECTED_CONCURRENCY"], "400");
});

test("a deployment without push has neither its queues nor its function", () => {
  const made = make({ push: false });
  assert.equal(of(made, "AWS::SQS::Queue").length, 2);
  assert.equal(of(made, "AWS::Lambda::Function").length, 4);
  assert.equal(statement(made, "Notify").length, 0);
  assert.ok(!("OFFLOAD_WEBSOCKET_URL" in environment(made, "offload-api")));
});

test("objects move to cheaper tiers as they are set", () => {
  const made = make({ statusTransitions: [{ days: 30, storageClass: s3.StorageClass.INFREQUENT_ACCESS }], resultTransitions: [] });
  const [status, results] = of(made, "AWS::S3::Bucket")[0].LifecycleConfiguration.Rules;
  assert.deepEqual(status.Transitions, [{ StorageClass: "STANDARD_IA", TransitionInDays: 30 }]);
  assert.equal(results.Transitions, undefined);
});

test("alarms go to the topic, and wait as long as is set", () => {
  const alarmTopicArn = "arn:aws:sns:eu-west-1:123456789012:alarms";
  const made = make({ priorities: true, alarmTopicArn, alarmWaitingSeconds: { high: null, low: 7200 } });
  const alarms: Record<string, any> = Object.fromEntries(of(made, "AWS::CloudWatch::Alarm").map((a) => [a.AlarmName, a]));
  assert.ok(Object.values(alarms).every((a) => a.AlarmActions[0] === alarmTopicArn && a.OKActions[0] === alarmTopicArn));
  assert.equal(alarms["offload-waiting"].Threshold, 900);
  assert.equal(alarms["offload-low-waiting"].Threshold, 7200);
  assert.ok(!("offload-high-waiting" in alarms));
});

test("tags of the construct are on all that can have them", () => {
  const made = synth(LEAST, (offload) => Tags.of(offload).add("service", "orders"));
  for (const type of ["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::Lambda::Function"]) {
    assert.ok(of(made, type).every((r) => r.Tags.some((t: any) => t.Key === "service")), type);
  }
});

test("what AWS would refuse later is refused at once", () => {
  const refused: [Partial<OffloadProps>, RegExp][] = [
    [{ name: "Other" }, /name has 2 to 31/],
    [{ auth: "passwords" }, /auth is none, or a list/],
    [{ auth: "jwt" }, /jwt with issuer and audience/],
    [{ authorizer: { type: "iam" } }, /auth is none/],
    [{ authorizer: { type: "lambda" } }, /functionArn/],
    [{ workerTimeout: Duration.minutes(16) }, /workerTimeout/],
    [{ fargate: { ...FARGATE, minTasks: 11 } }, /minTasks/],
    [{ workerSecrets: { A: "arn:aws:ssm:eu-west-1:123456789012:parameter/a" } }, /needs fargate/],
    [{ push: false, stepFunctions: true }, /need push/],
    [{ mercureUrl: "https://hub.example.com/.well-known/mercure" }, /mercureJwtArn/],
    [{ budget: { monthlyUsd: 10 } }, /alarmTopicArn/],
    [{ access: "sts", maxSignatureAge: Duration.minutes(1) }, /maxSignatureAge needs/],
  ];
  for (const [props, message] of refused) {
    assert.throws(() => make(props), message);
  }
});
