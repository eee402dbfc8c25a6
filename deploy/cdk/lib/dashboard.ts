// The dashboard: its widgets, two a row.

import { Aws } from "aws-cdk-lib";

import { type Observed, WAIT_METRIC, namespaceOf } from "./observed.js";

interface Widget {
  readonly title: string;
  readonly stat: string;
  readonly metrics: string[][];
}

/** The body of the dashboard. */
export function dashboard(observed: Observed): object {
  return {
    widgets: widgets(observed).map(({ title, stat, metrics }, i) => ({
      type: "metric",
      x: 12 * (i % 2),
      y: 6 * Math.floor(i / 2),
      width: 12,
      height: 6,
      properties: { title, region: Aws.REGION, view: "timeSeries", period: 60, stat, metrics },
    })),
  };
}

function widgets({ name, httpApi, queues, functions, tableName }: Observed): Widget[] {
  const ofApi = (metric: string) => ["AWS/ApiGateway", metric, "ApiId", httpApi];
  const ofQueue = (metric: string, queue: { queueName: string }) => ["AWS/SQS", metric, "QueueName", queue.queueName];
  const ofTable = (metric: string) => ["AWS/DynamoDB", metric, "TableName", tableName];
  const { queue, dead } = queues.orders;
  const notifications = queues.push?.notifications;
  return [
    { title: "Orders and refusals", stat: "Sum", metrics: ["Count", "4xx", "5xx"].map(ofApi) },
    { title: "Latency of the api, ms", stat: "p99", metrics: [ofApi("Latency")] },
    {
      title: "Queue",
      stat: "Maximum",
      metrics: [
        ofQueue("ApproximateNumberOfMessagesVisible", queue),
        ofQueue("ApproximateNumberOfMessagesNotVisible", queue),
        ofQueue("ApproximateNumberOfMessagesVisible", dead),
      ],
    },
    {
      title: "Wait of an order for its first attempt, mean, s",
      stat: "Average",
      metrics: ["high", "normal", "low"].map((priority) => [namespaceOf(name), WAIT_METRIC, "priority", priority]),
    },
    {
      title: "Orders that need somebody",
      stat: "Sum",
      metrics: ["dead-lettered", "hung", "stuck"].map((metric) => [namespaceOf(name), metric]),
    },
    {
      title: "Functions: errors and throttles",
      stat: "Sum",
      metrics: functions.flatMap((f) =>
        ["Errors", "Throttles"].map((metric) => ["AWS/Lambda", metric, "FunctionName", f.functionName]),
      ),
    },
    {
      title: "Order table: consumed units",
      stat: "Sum",
      metrics: [ofTable("ConsumedWriteCapacityUnits"), ofTable("ConsumedReadCapacityUnits")],
    },
    ...(notifications
      ? [
          {
            title: "Notifications",
            stat: "Maximum",
            metrics: [
              ofQueue("ApproximateNumberOfMessagesVisible", notifications.queue),
              ofQueue("ApproximateNumberOfMessagesDelayed", notifications.queue),
              ofQueue("ApproximateNumberOfMessagesVisible", notifications.dead),
            ],
          },
        ]
      : []),
  ];
}
