// The bucket that clients read, and the order table.

import { Duration, RemovalPolicy, Stack, aws_dynamodb as dynamodb, aws_iam as iam, aws_kms as kms, aws_s3 as s3 } from "aws-cdk-lib";
import { Construct } from "constructs";

/** A cheaper tier of S3. */
export interface Transition {
  /** Since the object's creation. */
  readonly days: number;
  readonly storageClass: s3.StorageClass;
}

export interface StoresProps {
  readonly name: string;
  readonly access: "url" | "sts";
  readonly corsOrigins: string[];
  readonly allowedCidrs: string[];
  readonly maxSignatureAge?: Duration;
  readonly statusTransitions: Transition[];
  readonly statusExpireDays: number;
  readonly resultTransitions: Transition[];
  readonly resultExpireDays: number;
  readonly workLogExpireDays: number;
  readonly pointInTimeRecovery: boolean;
  readonly deletionProtection: boolean;
  /** Whether the table has a stream, for events. */
  readonly stream: boolean;
  readonly key?: kms.IKey;
}

export class Stores extends Construct {
  readonly bucket: s3.Bucket;
  readonly table: dynamodb.Table;

  constructor(scope: Construct, id: string, props: StoresProps) {
    super(scope, id);
    this.bucket = this.makeBucket(props);
    this.restrict(props);
    this.table = this.makeTable(props);
  }

  private makeBucket(props: StoresProps): s3.Bucket {
    const expire = (prefix: string, days: number, transitions: Transition[] = []): s3.LifecycleRule => ({
      id: prefix,
      prefix: `${prefix}/`,
      transitions: transitions.map(({ days, storageClass }) => ({ storageClass, transitionAfter: Duration.days(days) })),
      expiration: Duration.days(days),
    });
    // An SDK signs each request by headers of its own.
    const ofSdk = props.access === "sts" ? ["authorization", "x-amz-*", "amz-sdk-*"] : [];
    return new s3.Bucket(this, "Bucket", {
      bucketName: `${props.name}-${Stack.of(this).account}`,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      encryption: props.key ? s3.BucketEncryption.KMS : s3.BucketEncryption.S3_MANAGED,
      encryptionKey: props.key,
      // One call to KMS for many objects.
      bucketKeyEnabled: props.key ? true : undefined,
      enforceSSL: true,
      cors: [
        {
          allowedOrigins: props.corsOrigins,
          allowedMethods: [s3.HttpMethods.GET, s3.HttpMethods.HEAD],
          // A script that sends the validator itself causes a preflight.
          allowedHeaders: ["if-none-match", ...ofSdk],
          // The validator, and the clock that a client corrects its own by.
          exposedHeaders: ["ETag", "Date"],
          maxAge: 86400,
        },
      ],
      lifecycleRules: [
        expire("status", props.statusExpireDays, props.statusTransitions),
        expire("results", props.resultExpireDays, props.resultTransitions),
        expire("logs", props.workLogExpireDays),
        // What a dead worker left of a large result is billed until it is aborted.
        { id: "uploads", abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
      // Without this S3 leaves objects under 128 KB in Standard whatever a rule says.
      transitionDefaultMinimumObjectSize: s3.TransitionDefaultMinimumObjectSize.VARIES_BY_STORAGE_CLASS,
      removalPolicy: props.deletionProtection ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
  }

  /** By which URLs objects may be read. */
  private restrict({ allowedCidrs, maxSignatureAge }: StoresProps): void {
    const refuse = (sid: string, conditions: Record<string, Record<string, unknown>>) =>
      this.bucket.addToResourcePolicy(
        new iam.PolicyStatement({
          sid,
          effect: iam.Effect.DENY,
          principals: [new iam.AnyPrincipal()],
          actions: ["s3:GetObject"],
          resources: [this.bucket.arnForObjects("*")],
          conditions,
        }),
      );
    if (allowedCidrs.length > 0) {
      // All must hold: only URLs are concerned, not the worker, which reads with its own
      // credentials. What comes by a VPC endpoint has the second address, and no first.
      refuse("PresignedFromAllowedNetworksOnly", {
        NotIpAddress: { "aws:SourceIp": allowedCidrs, "aws:VpcSourceIp": allowedCidrs },
        StringEquals: { "s3:authType": "REST-QUERY-STRING" },
      });
    }
    if (maxSignatureAge) {
      refuse("YoungSignaturesOnly", { NumericGreaterThan: { "s3:signatureAge": String(maxSignatureAge.toMilliseconds()) } });
    }
  }

  private makeTable(props: StoresProps): dynamodb.Table {
    const table = new dynamodb.Table(this, "Table", {
      tableName: `${props.name}-orders`,
      billingMode: dynamodb.BillingMode.PAY_PER_REQUEST,
      partitionKey: { name: "pk", type: dynamodb.AttributeType.STRING },
      sortKey: { name: "sk", type: dynamodb.AttributeType.STRING },
      timeToLiveAttribute: "expires_at",
      // The order after the change is all that an event says.
      stream: props.stream ? dynamodb.StreamViewType.NEW_AND_OLD_IMAGES : undefined,
      encryption: props.key ? dynamodb.TableEncryption.CUSTOMER_MANAGED : undefined,
      encryptionKey: props.key,
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
}
