// What each part may do: the same as with Terraform, to which deploy/cdk/compare holds it.

import { aws_iam as iam } from "aws-cdk-lib";

import type { Queues } from "./queues.js";
import type { Stores } from "./stores.js";

/** What the worker does: as functions of one package, or but for the notifier as one container. */
export type WorkerPart = "worker" | "dead_letters" | "sweeper" | "notifier";
export type Part = "api" | WorkerPart;

export interface StatementProps {
  readonly stores: Stores;
  readonly queues: Queues;
  /** ARN of the role that signs URLs. */
  readonly signer: string;
  /** With push: where connections are posted to. */
  readonly connections?: string;
}

function allow(sid: string, actions: string[], ...resources: string[]): iam.PolicyStatement {
  return new iam.PolicyStatement({ sid, actions, resources });
}

/** The statements of each role, but for its log. */
export function statements(props: StatementProps): Record<Part, iam.PolicyStatement[]> {
  const { stores, queues, signer } = props;
  const { table } = stores;
  const { orders, push } = queues;
  const objects = (...prefixes: string[]) => prefixes.map((prefix) => stores.bucket.arnForObjects(`${prefix}/*`));
  const everything = objects("status", "results", "logs");
  const due = `${table.tableArn}/index/due`;
  const ofOrders = queues.ofOrders.map((queue) => queue.queueArn);
  // What is sent again goes by its priority, not by the queue of quiet tenants.
  const byPriority = queues.byPriority.map((queue) => queue.queueArn);
  const received = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
  const sign = allow("Sign", ["sts:AssumeRole"], signer);
  const allOfOrders = ["DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"].map((a) => `dynamodb:${a}`);
  const someOfOrders = ["dynamodb:GetItem", "dynamodb:UpdateItem"];
  const statusObjects = allow("StatusObjects", ["s3:GetObject", "s3:PutObject"], ...objects("status"));
  // Publishing a status sends its event.
  const notify = push ? [allow("Notify", ["sqs:SendMessage"], push.notifications.queue.queueArn, push.webhooks.queue.queueArn)] : [];
  const findSubscriptions = push ? [allow("FindSubscriptions", ["dynamodb:Query"], table.tableArn)] : [];

  return {
    api: [
      allow("Orders", allOfOrders, table.tableArn),
      allow("ListOrders", ["dynamodb:Query"], due),
      statusObjects,
      allow("ReadLogs", ["s3:GetObject"], ...objects("logs")),
      // Its objects are known by name: nothing may list the bucket.
      allow("Erase", ["s3:DeleteObject"], ...everything),
      allow("Queue", ["sqs:GetQueueAttributes", "sqs:SendMessage"], ...ofOrders),
      sign,
      ...notify,
    ],
    worker: [
      allow("Orders", allOfOrders, table.tableArn),
      allow("ReadStatusObjects", ["s3:GetObject"], ...objects("status")),
      allow("WriteStatusObjectsResultsAndLogs", ["s3:PutObject"], ...everything),
      allow("Queue", received, ...ofOrders),
      // An order that is not due yet is put back.
      allow("PutBack", ["sqs:SendMessage"], ...byPriority),
      ...notify,
      sign,
    ],
    dead_letters: [
      allow("EndOrders", someOfOrders, table.tableArn),
      statusObjects,
      allow("DeadLetters", received, orders.dead.queueArn),
      ...findSubscriptions,
      ...notify,
      sign,
    ],
    sweeper: [
      allow("FindWhatFallsDue", ["dynamodb:Query"], due),
      allow("Orders", someOfOrders, table.tableArn),
      statusObjects,
      // What a late writer left of an order that was erased.
      allow("Erase", ["s3:DeleteObject"], ...everything),
      allow("Send", ["sqs:SendMessage"], ...byPriority),
      allow("CheckTable", ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"], table.tableArn),
      allow("CheckQueue", ["sqs:GetQueueAttributes"], ...ofOrders),
      ...findSubscriptions,
      ...notify,
    ],
    notifier: notifierStatements(props),
  };
}

function notifierStatements({ stores, queues, connections }: StatementProps): iam.PolicyStatement[] {
  const { table } = stores;
  const { push } = queues;
  if (!push || !connections) {
    return [];
  }
  const { notifications, webhooks, webhookRetries, streamFailures } = push;
  const arns = (...queue: { queueArn: string }[]) => queue.map((q) => q.queueArn);
  const ofStream = !streamFailures
    ? []
    : [
        allow("ReadStream", ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], table.tableStreamArn!),
        // It lists the account's, and is allowed on no single one.
        allow("ListStreams", ["dynamodb:ListStreams"], "*"),
        // Lambda sends there with the function's role.
        allow("NameWhatTheStreamLost", ["sqs:SendMessage"], streamFailures.queueArn),
      ];
  return [
    allow(
      "Notifications",
      ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
      ...arns(notifications.queue, webhooks.queue, webhookRetries.queue),
    ),
    // A retry is a message of its own; what failed at every attempt goes to the dead letters.
    allow("RetryOrDeadLetter", ["sqs:SendMessage"], ...arns(notifications.queue, webhookRetries.queue, notifications.dead)),
    allow("PostToConnections", ["execute-api:ManageConnections"], connections),
    allow("DeliveriesAndSubscriptions", ["dynamodb:DeleteItem", "dynamodb:Query", "dynamodb:UpdateItem"], table.tableArn),
    ...ofStream,
  ];
}
