// The alarms. Each says what it means for the one who is woken by it.

import { type Observed, WAIT_METRIC, namespaceOf } from "./observed.js";
import type { PushQueues } from "./queues.js";

interface Metric {
  readonly namespace: string;
  readonly metricName: string;
  readonly stat: string;
  /** Its dimensions. */
  readonly of: Record<string, string>;
}

/** An expression of metrics that is above a threshold in each of so many periods. */
export interface Alarm {
  readonly id: string;
  readonly description: string;
  readonly expression: string;
  readonly metrics: Record<string, Metric>;
  /** 0 by default. */
  readonly threshold?: number;
  /** In seconds: 60 by default. */
  readonly period?: number;
  /** One by default. */
  readonly periods?: number;
  /** What a period without metrics is: notBreaching by default. */
  readonly missing?: string;
}

function ofQueue(queue: { queueName: string }, metricName: string, stat: string): Metric {
  return { namespace: "AWS/SQS", metricName, stat, of: { QueueName: queue.queueName } };
}

export function alarms(observed: Observed): Alarm[] {
  const { webSocketApi, queues } = observed;
  return [
    ...orderAlarms(observed),
    ...sweeperAlarms(observed),
    ...logAlarms(observed),
    ...(queues.push && webSocketApi ? pushAlarms(queues.push, webSocketApi) : []),
  ];
}

function orderAlarms({ queues, tableName, httpApi }: Observed): Alarm[] {
  const lanes = Object.entries({ normal: queues.orders.queue, ...queues.beside });
  const each = (state: string, metricName: string, stat: string) =>
    Object.fromEntries(lanes.map(([lane, queue]) => [`${state}_${lane}`, ofQueue(queue, metricName, stat)]));
  const waiting = each("waiting", "ApproximateNumberOfMessagesVisible", "Minimum");
  const inFlight = each("in_flight", "ApproximateNumberOfMessagesNotVisible", "Maximum");
  const sum = (metrics: object) => Object.keys(metrics).sort().join(" + ");
  const throttled = (metricName: string, index: Record<string, string>): Metric => ({
    namespace: "AWS/DynamoDB",
    metricName,
    stat: "Sum",
    of: { TableName: tableName, ...index },
  });
  const due = { GlobalSecondaryIndexName: "due" };
  return [
    {
      id: "dead-letters",
      description: "Messages fell out of the queues of orders: see `offload dlq list`.",
      // Their consumer takes them at once, so none is ever seen to wait. What SQS itself moves to a
      // dead-letter queue is not counted as sent.
      expression: "received",
      metrics: { received: ofQueue(queues.orders.dead, "NumberOfMessagesReceived", "Sum") },
      period: 300,
    },
    {
      id: "stalled",
      description: "Orders wait, and nobody works on any: workers are down, or may not receive.",
      // Not the age of the oldest message, which counts orders that are being worked on.
      expression: `IF((${sum(waiting)}) > 0 AND (${sum(inFlight)}) == 0, 1, 0)`,
      metrics: { ...waiting, ...inFlight },
      periods: 15,
    },
    {
      id: "table-throttled",
      description:
        "The order table refuses calls: the account's quota, or one partition of the table, is too small for what comes.",
      expression: "SUM(FILL(METRICS(), 0))",
      metrics: {
        table_reads: throttled("ReadThrottleEvents", {}),
        index_reads: throttled("ReadThrottleEvents", due),
        table_writes: throttled("WriteThrottleEvents", {}),
        index_writes: throttled("WriteThrottleEvents", due),
      },
      periods: 3,
    },
    {
      id: "api-5xx",
      description: "Orders are refused: a store does not answer, or the function fails.",
      expression: "errors",
      metrics: { errors: { namespace: "AWS/ApiGateway", metricName: "5xx", stat: "Sum", of: { ApiId: httpApi } } },
      threshold: 5,
      periods: 3,
    },
  ];
}

function sweeperAlarms({ name, sweeper, container }: Observed): Alarm[] {
  if (sweeper) {
    return [
      {
        id: "sweeper",
        description:
          "The sweeper has not run for a quarter of an hour: orders whose message was lost wait, and deadlines pass unnoticed.",
        expression: "IF(runs < 1, 1, 0)",
        metrics: {
          runs: { namespace: "AWS/Lambda", metricName: "Invocations", stat: "Sum", of: { FunctionName: sweeper.functionName } },
        },
        period: 300,
        periods: 3,
        // A function that does not run sends no metrics.
        missing: "breaching",
      },
    ];
  }
  if (!container) {
    return [];
  }
  const of = { ClusterName: container.cluster, ServiceName: container.service };
  const count = (metricName: string) => ({ namespace: "ECS/ContainerInsights", metricName, stat: "Average", of });
  return [
    {
      id: "tasks",
      description: "Fewer containers run than should: see the events of the service.",
      expression: "desired - running",
      metrics: { desired: count("DesiredTaskCount"), running: count("RunningTaskCount") },
      periods: 15,
    },
    {
      id: "sweeper",
      description: "Sweeps fail: orders whose message was lost wait, and deadlines pass unnoticed.",
      expression: "lines",
      metrics: { lines: { namespace: namespaceOf(name), metricName: "sweeper", stat: "Sum", of: {} } },
      period: 300,
      periods: 3,
    },
  ];
}

function logAlarms({ name, queues, waitingSeconds }: Observed): Alarm[] {
  const namespace = namespaceOf(name);
  const counted = (id: string, description: string, periods: number): Alarm => ({
    id,
    description,
    expression: "lines",
    metrics: { lines: { namespace, metricName: id, stat: "Sum", of: {} } },
    period: 300,
    periods,
  });
  const { high = 60, normal = 900, low = null } = waitingSeconds;
  const waits = Object.entries({ normal, ...("high" in queues.beside ? { high, low } : {}) });
  return [
    counted("dead-lettered", "Orders failed at every attempt: see `offload dlq list`.", 1),
    counted("hung", "Orders reached the default deadline and nobody had ended them: see the log of the sweeper.", 1),
    counted("stuck", "The sweeper cannot see to orders that are due, again and again: see its log.", 3),
    ...waits.flatMap(([priority, seconds]): Alarm[] =>
      seconds === null
        ? []
        : [
            {
              id: priority === "normal" ? "waiting" : `${priority}-waiting`,
              description: `Orders of ${priority} priority that start wait ${seconds} s in the mean: workers are too few.`,
              expression: "waited",
              metrics: { waited: { namespace, metricName: WAIT_METRIC, stat: "Average", of: { priority } } },
              threshold: seconds,
              period: 300,
            },
          ],
    ),
  ];
}

function pushAlarms(push: PushQueues, webSocketApi: string): Alarm[] {
  const { notifications, webhooks, webhookRetries, streamFailures } = push;
  const dead = Object.entries({ notifications, webhooks, "webhook-retries": webhookRetries });
  const failures = (metricName: string) => ({
    namespace: "AWS/ApiGateway",
    metricName,
    stat: "Sum",
    of: { ApiId: webSocketApi },
  });
  return [
    ...dead.map(([id, pair]) => ({
      id: `${id}-dead-letters`,
      description: `Notifications are in the dead-letter queue ${pair.dead.queueName}: a webhook or another target does not accept them. Clients still read each status from S3.`,
      expression: "dead",
      metrics: { dead: ofQueue(pair.dead, "ApproximateNumberOfMessagesVisible", "Maximum") },
      periods: 5,
    })),
    {
      id: "notifications-waiting",
      description:
        "The oldest notification has waited for half an hour: the notifier is down, or slow targets take all of it.",
      expression: "age",
      metrics: { age: ofQueue(notifications.queue, "ApproximateAgeOfOldestMessage", "Maximum") },
      // What is tried again may be delayed for a quarter of an hour.
      threshold: 1800,
      periods: 5,
    },
    {
      id: "websocket-errors",
      description: "The WebSocket API fails: connections or subscriptions are refused, see the log of the api.",
      expression: "SUM(FILL(METRICS(), 0))",
      metrics: { of_gateway: failures("ExecutionError"), of_function: failures("IntegrationError") },
      threshold: 5,
      periods: 3,
    },
    ...(streamFailures
      ? [
          {
            id: "stream-failures",
            description:
              "Records of the order table's stream could not be handled, and those changes were pushed to nobody. Clients still read each status from S3.",
            expression: "dead",
            metrics: { dead: ofQueue(streamFailures, "ApproximateNumberOfMessagesVisible", "Maximum") },
            periods: 5,
          },
        ]
      : []),
  ];
}
