// Queues with their dead letters. All are standard: a message may come twice, and does no harm.

import { Duration, Stack, aws_kms as kms, aws_sqs as sqs } from "aws-cdk-lib";
import { Construct } from "constructs";

/** The queues of orders beside that of normal ones, by priority; quiet is of quiet tenants. */
export const PRIORITIES = ["high", "low", "quiet"] as const;
export type Priority = (typeof PRIORITIES)[number];

export interface QueuesProps {
  readonly name: string;
  readonly visibility: Duration;
  readonly notifierVisibility: Duration;
  readonly priorities: boolean;
  readonly push: boolean;
  /** Whether there is the queue of the stream's failures. */
  readonly stream: boolean;
  readonly key?: kms.IKey;
}

/** A queue, and where its dead letters go. */
export interface QueuePair {
  readonly queue: sqs.Queue;
  readonly dead: sqs.Queue;
}

/** The queues of push. */
export interface PushQueues {
  readonly notifications: QueuePair;
  readonly webhooks: QueuePair;
  readonly webhookRetries: QueuePair;
  /** Names the stream's records that could not be handled; only where events come from the stream. */
  readonly streamFailures?: sqs.Queue;
}

export class Queues extends Construct {
  readonly orders: QueuePair;
  /** Queues of other priorities; empty without them. */
  readonly beside: Partial<Record<Priority, sqs.Queue>> = {};
  readonly push?: PushQueues;
  private readonly common: sqs.QueueProps;

  constructor(scope: Construct, id: string, props: QueuesProps) {
    super(scope, id);
    const { name, visibility, notifierVisibility } = props;
    this.common = {
      // The longest that SQS keeps a message: an outage of a week loses nothing.
      retentionPeriod: Duration.days(14),
      receiveMessageWaitTime: Duration.seconds(20),
      encryption: props.key ? sqs.QueueEncryption.KMS : sqs.QueueEncryption.SQS_MANAGED,
      encryptionMasterKey: props.key,
      enforceSSL: true,
    };
    const beside = props.priorities ? PRIORITIES : [];
    this.orders = this.pair("Orders", `${name}-orders`, visibility, beside);
    for (const priority of beside) {
      this.beside[priority] = this.queue(`Orders-${priority}`, `${name}-orders-${priority}`, visibility, this.orders.dead);
    }
    if (props.push) {
      this.push = {
        notifications: this.pair("Notifications", `${name}-notifications`, notifierVisibility),
        // Webhooks go to strangers, who may let them hang: nobody who waits at an open connection
        // waits behind them, and no first attempt behind those that failed.
        webhooks: this.pair("Webhooks", `${name}-webhooks`, notifierVisibility),
        webhookRetries: this.pair("WebhookRetries", `${name}-webhook-retries`, notifierVisibility),
        streamFailures: props.stream
          ? new sqs.Queue(this, "StreamFailures", { ...this.common, queueName: `${name}-stream-failures` })
          : undefined,
      };
    }
  }

  /** All queues of orders. */
  get ofOrders(): sqs.Queue[] {
    return [this.orders.queue, ...Object.values(this.beside)];
  }

  /** Those that orders are sent to by their priority. */
  get byPriority(): sqs.Queue[] {
    return [this.orders.queue, this.beside.high, this.beside.low].filter((queue) => queue !== undefined);
  }

  private queue(id: string, queueName: string, visibilityTimeout: Duration, dead: sqs.Queue): sqs.Queue {
    // Orders and notifications end sooner, by their attempts; this catches what never gets that
    // far. Waiting for another worker's lease counts as a delivery too, so it is not a small
    // number.
    const deadLetterQueue = { queue: dead, maxReceiveCount: 20 };
    return new sqs.Queue(this, id, { ...this.common, queueName, visibilityTimeout, deadLetterQueue });
  }

  private pair(id: string, queueName: string, visibilityTimeout: Duration, beside: readonly string[] = []): QueuePair {
    // By their names: each of the queues would need the other first.
    const sources = ["", ...beside.map((priority) => `-${priority}`)].map((suffix) => {
      const arn = Stack.of(this).formatArn({ service: "sqs", resource: `${queueName}${suffix}` });
      return sqs.Queue.fromQueueArn(this, `${id}ByName${suffix}`, arn);
    });
    const dead = new sqs.Queue(this, `${id}Dead`, {
      ...this.common,
      visibilityTimeout,
      queueName: `${queueName}-dead`,
      redriveAllowPolicy: { redrivePermission: sqs.RedrivePermission.BY_QUEUE, sourceQueues: sources },
    });
    return { queue: this.queue(id, queueName, visibilityTimeout, dead), dead };
  }
}
