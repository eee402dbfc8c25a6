// The functions, each with a role and a log of its own. Those of the worker have one package: the
// program decides by its event what to do.

import {
  Duration,
  RemovalPolicy,
  aws_iam as iam,
  aws_kms as kms,
  aws_lambda as lambda,
  aws_logs as logs,
  aws_scheduler as scheduler,
  aws_sqs as sqs,
} from "aws-cdk-lib";
import { Construct } from "constructs";

import type { VpcProps } from "./props.js";
import type { WorkerPart } from "./statements.js";

/** What all functions have the same. */
export interface CommonProps {
  /** Prefix of every name. */
  readonly prefix: string;
  readonly architecture: lambda.Architecture;
  readonly logRetention: logs.RetentionDays;
  readonly vpc?: VpcProps;
  readonly key?: kms.IKey;
}

export interface FunctionProps {
  readonly name: string;
  readonly description: string;
  readonly package: string;
  readonly timeout: Duration;
  readonly memory: number;
  readonly environment: Record<string, string>;
  readonly statements: iam.PolicyStatement[];
  /** What the function does by default. */
  readonly roleDescription?: string;
  readonly reservedConcurrency?: number;
}

/** A log that a destroy takes away. */
export function makeLog(
  scope: Construct,
  id: string,
  logGroupName: string,
  common: Pick<CommonProps, "logRetention" | "key">,
): logs.LogGroup {
  return new logs.LogGroup(scope, id, {
    logGroupName,
    retention: common.logRetention,
    encryptionKey: common.key,
    removalPolicy: RemovalPolicy.DESTROY,
  });
}

/** A function, with its role and its log. */
export function makeFunction(scope: Construct, id: string, common: CommonProps, props: FunctionProps): lambda.Function {
  const name = `${common.prefix}-${props.name}`;
  const { vpc } = common;
  const log = makeLog(scope, `${id}Log`, `/aws/lambda/${name}`, common);
  const ownLog = new iam.PolicyStatement({
    sid: "Log",
    actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
    resources: [log.logGroupArn],
  });
  const role = new iam.Role(scope, `${id}Role`, {
    roleName: name,
    description: props.roleDescription ?? props.description,
    assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
    inlinePolicies: { [id]: new iam.PolicyDocument({ statements: [...props.statements, ownLog] }) },
    // Network interfaces are allowed on no single resource; AWS keeps the policy.
    managedPolicies: vpc && [iam.ManagedPolicy.fromAwsManagedPolicyName("service-role/AWSLambdaENIManagementAccess")],
  });
  const made = new lambda.Function(scope, id, {
    functionName: name,
    description: props.description,
    role,
    runtime: lambda.Runtime.PROVIDED_AL2023,
    handler: "bootstrap",
    architecture: common.architecture,
    code: lambda.Code.fromAsset(props.package),
    memorySize: props.memory,
    timeout: props.timeout,
    environment: props.environment,
    // The settings in the environment.
    environmentEncryption: common.key,
    reservedConcurrentExecutions: props.reservedConcurrency,
    logGroup: log,
  });
  if (vpc) {
    (made.node.defaultChild as lambda.CfnFunction).vpcConfig = vpc;
  }
  return made;
}

export interface FeedProps {
  /** The least that Lambda takes is 2. */
  readonly maxConcurrency: number;
  /** In place of it. */
  readonly pollers?: { readonly minimum: number; readonly maximum: number };
}

/** Feeds a function from a queue. */
export function feed(id: string, target: lambda.Function, queue: sqs.IQueue, props: FeedProps): void {
  const { maxConcurrency, pollers } = props;
  new lambda.CfnEventSourceMapping(target, id, {
    functionName: target.functionArn,
    eventSourceArn: queue.queueArn,
    // One bad message must not bring the others of its batch again.
    functionResponseTypes: ["ReportBatchItemFailures"],
    batchSize: 10,
    // Nobody should wait for others to fill a batch.
    maximumBatchingWindowInSeconds: 0,
    scalingConfig: pollers ? undefined : { maximumConcurrency: Math.max(2, Math.floor(maxConcurrency)) },
    provisionedPollerConfig: pollers && { minimumPollers: pollers.minimum, maximumPollers: pollers.maximum },
  });
}

/** Feeds the notifier from the order table's stream. */
export function feedFromStream(notifier: lambda.Function, streamArn: string, failures: sqs.IQueue): void {
  new lambda.CfnEventSourceMapping(notifier, "Stream", {
    functionName: notifier.functionArn,
    eventSourceArn: streamArn,
    // All that the stream has: changes made while this was being set up are pushed, too.
    startingPosition: "TRIM_HORIZON",
    // A record that cannot be handled must not bring the others of its batch again, and is found by
    // halves where the function dies of it.
    functionResponseTypes: ["ReportBatchItemFailures"],
    bisectBatchOnFunctionError: true,
    batchSize: 100,
    // A record that is tried again keeps all of its shard waiting, so it is not tried for ever.
    maximumRetryAttempts: 20,
    // Orders that are new or changed: nothing else costs an invocation.
    filterCriteria: {
      filters: [
        { pattern: JSON.stringify({ dynamodb: { Keys: { sk: { S: ["order"] } } }, eventName: ["INSERT", "MODIFY"] }) },
      ],
    },
    destinationConfig: { onFailure: { destination: failures.queueArn } },
  });
}

/** Invokes the sweeper as often as EventBridge Scheduler can. */
export function sweepEveryMinute(scope: Construct, name: string, sweeper: lambda.Function): void {
  const role = new iam.Role(scope, "SchedulerRole", {
    roleName: `${name}-scheduler`,
    description: "Invokes the sweeper.",
    assumedBy: new iam.ServicePrincipal("scheduler.amazonaws.com"),
    inlinePolicies: {
      Invoke: new iam.PolicyDocument({
        statements: [
          new iam.PolicyStatement({
            sid: "InvokeSweeper",
            actions: ["lambda:InvokeFunction"],
            resources: [sweeper.functionArn],
          }),
        ],
      }),
    },
  });
  new scheduler.CfnSchedule(scope, "Sweep", {
    name: `${name}-sweep`,
    description: "Finds orders that were accepted and not sent, or whose deadline has passed.",
    scheduleExpression: "rate(1 minutes)",
    flexibleTimeWindow: { mode: "OFF" },
    target: {
      arn: sweeper.functionArn,
      roleArn: role.roleArn,
      input: JSON.stringify({ offload: "sweep" }),
      // The next run makes up for it.
      retryPolicy: { maximumRetryAttempts: 0 },
    },
  });
}

/** The worker's functions but the worker itself: names, what they do, and their seconds. */
export const OTHER_PARTS: Record<Exclude<WorkerPart, "worker">, { name: string; description: string; seconds: number }> = {
  dead_letters: { name: "dead-letters", description: "Ends what is dead-lettered.", seconds: 30 },
  sweeper: { name: "sweeper", description: "Sends what was not sent, ends what is overdue.", seconds: 60 },
  // A target has 15 s to answer, and a fifth of the time is kept for settling.
  notifier: { name: "notifier", description: "Delivers status updates to clients.", seconds: 30 },
};
