// The functions, each with a role and a log of its own. Those of the worker have one package: the
// program decides by its event what to do.

import {
  Duration,
  RemovalPolicy,
  aws_iam as iam,
  aws_lambda as lambda,
  aws_logs as logs,
  aws_scheduler as scheduler,
  aws_sqs as sqs,
} from "aws-cdk-lib";
import { Construct } from "constructs";

import type { Part } from "./statements.js";

export interface FunctionProps {
  readonly name: string;
  readonly description: string;
  readonly package: string;
  readonly architecture: lambda.Architecture;
  readonly timeout: Duration;
  readonly memory: number;
  readonly environment: Record<string, string>;
  readonly statements: iam.PolicyStatement[];
  readonly logRetention: logs.RetentionDays;
}

/** A function, with its role. */
export function makeFunction(scope: Construct, id: string, props: FunctionProps): lambda.Function {
  const log = new logs.LogGroup(scope, `${id}Log`, {
    logGroupName: `/aws/lambda/${props.name}`,
    retention: props.logRetention,
    removalPolicy: RemovalPolicy.DESTROY,
  });
  const role = new iam.Role(scope, `${id}Role`, {
    roleName: props.name,
    description: props.description,
    assumedBy: new iam.ServicePrincipal("lambda.amazonaws.com"),
    inlinePolicies: {
      [id]: new iam.PolicyDocument({
        statements: [
          ...props.statements,
          new iam.PolicyStatement({
            sid: "Log",
            actions: ["logs:CreateLogStream", "logs:PutLogEvents"],
            resources: [log.logGroupArn],
          }),
        ],
      }),
    },
  });
  return new lambda.Function(scope, id, {
    functionName: props.name,
    description: props.description,
    role,
    runtime: lambda.Runtime.PROVIDED_AL2023,
    handler: "bootstrap",
    architecture: props.architecture,
    code: lambda.Code.fromAsset(props.package),
    memorySize: props.memory,
    timeout: props.timeout,
    environment: props.environment,
    logGroup: log,
  });
}

/** Feeds a function from a queue. */
export function feed(id: string, target: lambda.Function, queue: sqs.Queue, maxConcurrency: number): void {
  new lambda.EventSourceMapping(target, id, {
    target,
    eventSourceArn: queue.queueArn,
    // One bad message must not bring the others of its batch again.
    reportBatchItemFailures: true,
    batchSize: 10,
    // Nobody should wait for others to fill a batch.
    maxBatchingWindow: Duration.seconds(0),
    // The least that Lambda takes.
    maxConcurrency: Math.max(2, maxConcurrency),
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
export const OTHER_PARTS: Record<Exclude<Part, "api" | "worker">, { name: string; description: string; seconds: number }> = {
  dead_letters: { name: "dead-letters", description: "Ends what is dead-lettered.", seconds: 30 },
  sweeper: { name: "sweeper", description: "Sends what was not sent, ends what is overdue.", seconds: 60 },
  notifier: { name: "notifier", description: "Delivers status updates to clients.", seconds: 30 },
};
