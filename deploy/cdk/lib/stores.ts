// The bucket that clients read, the order table, and queues with their dead letters.

import { Duration, RemovalPolicy, Stack, aws_dynamodb as dynamodb, aws_s3 as s3, aws_sqs as sqs } from "aws-cdk-lib";
import { Construct } from "constructs";

export interface StoresProps {
  readonly name: string;
  readonly corsOrigins: string[];
  readonly statusExpireDays: number;
  readonly resultExpireDays: number;
  readonly workLogExpireDays: number;
  readonly pointInTimeRecovery: boolean;
  readonly deletionProtection: boolean;
  readonly visibility: Duration;
  readonly notifierVisibility: Duration;
}

/** A queue, and where its dead letters go. */
export interface QueuePair {
  readonly queue: sqs.Queue;
  readonly dead: sqs.Queue;
}

/** Everything that api and worker share. */
export class Stores extends Construct {
  readonly bucket: s3.Bucket;
  readonly table: dynamodb.Table;
  readonly orders: QueuePair;
  readonly notifications: QueuePair;
  readonly webhooks: QueuePair;
  readonly webhookRetries: QueuePair;

  constructor(scope: Construct, id: string, props: StoresProps) {
    super(scope, id);
    const { name, visibility, notifierVisibility } = props;
    this.bucket = this.makeBucket(props);
    this.table = this.makeTable(props);
    this.orders = this.makeQueues("Orders", `${name}-orders`, visibility);
    this.notifications = this.makeQueues("Notifications", `${name}-notifications`, notifierVisibility);
    // Webhooks go to strangers, who may let them hang: nobody who waits at an open connection waits
    // behind them, and no first attempt behind those that failed.
    this.webhooks = this.makeQueues("Webhooks", `${name}-webhooks`, notifierVisibility);
    this.webhookRetries = this.makeQueues("WebhookRetries", `${name}-webhook-retries`, notifierVisibility);
  }

  private makeBucket(props: StoresProps): s3.Bucket {
    const expire = (prefix: string, days: number): s3.LifecycleRule => ({
      id: prefix,
      prefix: `${prefix}/`,
      expiration: Duration.days(days),
    });
    return new s3.Bucket(this, "Bucket", {
      bucketName: `${props.name}-${Stack.of(this).account}`,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      // With KMS each poll would be a call to it, and every client would need the key.
      encryption: s3.BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      cors: [
        {
          allowedOrigins: props.corsOrigins,
          allowedMethods: [s3.HttpMethods.GET],
          // A script that sends the validator itself causes a preflight.
          allowedHeaders: ["if-none-match"],
          // The validator, and the clock that a client corrects its own by.
          exposedHeaders: ["ETag", "Date"],
          maxAge: 86400,
        },
      ],
      lifecycleRules: [
        expire("status", props.statusExpireDays),
        {
          ...expire("results", props.resultExpireDays),
          transitions: [
            { storageClass: s3.StorageClass.INFREQUENT_ACCESS, transitionAfter: Duration.days(30) },
          ],
        },
        expire("logs", props.workLogExpireDays),
        // What a dead worker left of a large result is billed until it is aborted.
        { id: "uploads", abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
      transitionDefaultMinimumObjectSize: s3.TransitionDefaultMinimumObjectSize.VARIES_BY_STORAGE_CLASS,
      removalPolicy: props.deletionProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }

  private makeTable(props: StoresProps): dynamodb.Table {
    const table = new dynamodb.Table(this, "Table", {
      tableName: `${props.name}-orders`,
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      partitionKey: { name: "pk", type: dynamodb.AttributeType.STRING },
      sortKey: { name: "sk", type: dynamodb.AttributeType.STRING },
      timeToLiveAttribute: "expires_at",
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: props.pointInTimeRecovery },
      deletionProtection: props.deletionProtection,
      removalPolicy: props.deletionProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    // Sparse: it holds only orders for which something falls due, in sixteen shards.
    table.addGlobalSecondaryIndex({
      indexName: "due",
      partitionKey: { name: "due", type: dynamodb.AttributeType.STRING },
      sortKey: { name: "due_at", type: dynamodb.AttributeType.NUMBER },
      projectionType: dynamodb.ProjectionType.KEYS_ONLY,
    });
    return table;
  }

  private makeQueues(id: string, queueName: string, visibilityTimeout: Duration): QueuePair {
    const common: sqs.QueueProps = {
      visibilityTimeout,
      // The longest that SQS keeps a message: an outage of a week loses nothing.
      retentionPeriod: Duration.days(14),
      receiveMessageWaitTime: Duration.seconds(20),
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
    };
    // By its name: each of the two queues would need the other first.
    const arn = Stack.of(this).formatArn({ service: "sqs", resource: queueName });
    const source = sqs.Queue.fromQueueArn(this, `${id}ByName`, arn);
    const dead = new sqs.Queue(this, `${id}Dead`, {
      ...common,
      queueName: `${queueName}-dead`,
      redriveAllowPolicy: { redrivePermission: sqs.RedrivePermission.BY_QUEUE, sourceQueues: [source] },
    });
    const queue = new sqs.Queue(this, id, {
      ...common,
      queueName,
      // Orders and notifications end sooner, by their attempts; this catches what never gets that
      // far. Waiting for another worker's lease counts as a delivery too, so it is not a small
      // number.
      deadLetterQueue: { queue: dead, maxReceiveCount: 20 },
    });
    return { queue, dead };
  }
}
