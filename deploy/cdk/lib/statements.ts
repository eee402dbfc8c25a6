// What each part may do: the same as with Terraform, to which tests/infra compares it.

import { aws_iam as iam } from "aws-cdk-lib";

import { Stores } from "./stores.js";

export type Part = "api" | "worker" | "dead_letters" | "sweeper" | "notifier";

function allow(sid: string, actions: string[], ...resources: string[]): iam.PolicyStatement {
  return new iam.PolicyStatement({ sid, actions, resources });
}

/** The statements of each role, but for its log. */
export function statements(stores: Stores, signer: string, connections: string): Record<Part, iam.PolicyStatement[]> {
  const { table, orders, notifications, webhooks, webhookRetries } = stores;
  const objects = (...prefixes: string[]) => prefixes.map((prefix) => stores.bucket.arnForObjects(`${prefix}/*`));
  const everything = objects("status", "results", "logs");
  const due = `${table.tableArn}/index/due`;
  const received = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"];
  const notify = allow("Notify", ["sqs:SendMessage"], notifications.queue.queueArn, webhooks.queue.queueArn);
  const sign = allow("Sign", ["sts:AssumeRole"], signer);
  const allOfOrders = ["DeleteItem", "GetItem", "PutItem", "Query", "UpdateItem"].map((a) => `dynamodb:${a}`);
  const someOfOrders = ["dynamodb:GetItem", "dynamodb:UpdateItem"];
  const statusObjects = allow("StatusObjects", ["s3:GetObject", "s3:PutObject"], ...objects("status"));
  const findSubscriptions = allow("FindSubscriptions", ["dynamodb:Query"], table.tableArn);

  return {
    api: [
      allow("Orders", allOfOrders, table.tableArn),
      allow("ListOrders", ["dynamodb:Query"], due),
      statusObjects,
      allow("ReadLogs", ["s3:GetObject"], ...objects("logs")),
      // Its objects are known by name: nothing may list the bucket.
      allow("Erase", ["s3:DeleteObject"], ...everything),
      allow("Queue", ["sqs:GetQueueAttributes", "sqs:SendMessage"], orders.queue.queueArn),
      sign,
      notify,
    ],
    worker: [
      allow("Orders", allOfOrders, table.tableArn),
      allow("ReadStatusObjects", ["s3:GetObject"], ...objects("status")),
      allow("WriteStatusObjectsResultsAndLogs", ["s3:PutObject"], ...everything),
      allow("Queue", received, orders.queue.queueArn),
      // An order that is not due yet is put back.
      allow("PutBack", ["sqs:SendMessage"], orders.queue.queueArn),
      notify,
      sign,
    ],
    dead_letters: [
      allow("EndOrders", someOfOrders, table.tableArn),
      statusObjects,
      allow("DeadLetters", received, orders.dead.queueArn),
      findSubscriptions,
      notify,
      sign,
    ],
    sweeper: [
      allow("FindWhatFallsDue", ["dynamodb:Query"], due),
      allow("Orders", someOfOrders, table.tableArn),
      statusObjects,
      // What a late writer left of an order that was erased.
      allow("Erase", ["s3:DeleteObject"], ...everything),
      allow("Send", ["sqs:SendMessage"], orders.queue.queueArn),
      allow("CheckTable", ["dynamodb:DescribeTable", "dynamodb:DescribeTimeToLive"], table.tableArn),
      allow("CheckQueue", ["sqs:GetQueueAttributes"], orders.queue.queueArn),
      findSubscriptions,
      notify,
    ],
    notifier: [
      allow(
        "Notifications",
        ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
        notifications.queue.queueArn,
        webhooks.queue.queueArn,
        webhookRetries.queue.queueArn,
      ),
      // A retry is a message of its own; what failed at every attempt goes to the dead letters.
      allow(
        "RetryOrDeadLetter",
        ["sqs:SendMessage"],
        notifications.queue.queueArn,
        webhookRetries.queue.queueArn,
        notifications.dead.queueArn,
      ),
      allow("PostToConnections", ["execute-api:ManageConnections"], connections),
      allow(
        "DeliveriesAndSubscriptions",
        ["dynamodb:DeleteItem", "dynamodb:Query", "dynamodb:UpdateItem"],
        table.tableArn,
      ),
    ],
  };
}
