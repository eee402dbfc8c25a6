// status-offload as a construct: what infra/terraform makes with its defaults, from the same
// packages.

import {
  CfnOutput,
  Duration,
  RemovalPolicy,
  SecretValue,
  Stack,
  aws_iam as iam,
  aws_lambda as lambda,
  aws_logs as logs,
} from "aws-cdk-lib";
import { Construct } from "constructs";

import { OTHER_PARTS, feed, makeFunction, sweepEveryMinute } from "./functions.js";
import { Gateway } from "./gateway.js";
import { type Part, statements } from "./statements.js";
import { Stores } from "./stores.js";

export interface OffloadProps {
  /** Prefix of every resource's name: one deployment of an account and region, one name. */
  readonly name?: string;
  /** Path of offload-api.zip, as `just package` makes it. */
  readonly apiPackage: string;
  /** Path of offload-worker.zip, as `just package` makes it. */
  readonly workerPackage: string;
  /** Processor of the functions, for which the packages were built: ARM_64 by default. */
  readonly architecture?: lambda.Architecture;
  /**
   * Signs order tokens, 32 characters at least. It is in the api's configuration: who may read that
   * may read orders.
   */
  readonly tokenSecret: SecretValue;
  /** How callers are known: none (everybody may submit), or some of keys and jwt, separated by commas. */
  readonly auth: string;
  /** What does the work: command (a program in the package), http (a URL), or demo (simulated work). */
  readonly processor: string;
  /** More settings of the worker: OFFLOAD_ variables, such as OFFLOAD_COMMAND. */
  readonly workerSettings?: Record<string, string>;
  /** More settings of the api, such as OFFLOAD_JWT_ISSUER. */
  readonly apiSettings?: Record<string, string>;
  /** More settings of the notifier, such as OFFLOAD_WEBHOOK_SECRET. */
  readonly notifierSettings?: Record<string, string>;
  /** URL of the API as clients reach it, if it is not API Gateway's own. */
  readonly publicUrl?: string;
  /** Origins whose pages may place orders and read status objects: any by default. */
  readonly corsOrigins?: string[];
  /** The longest that an invocation of the worker may take: a minute by default, 15 at most. */
  readonly workerTimeout?: Duration;
  /** Invocations of the worker at once, 2 to 1000: 10 by default. */
  readonly workerMaxConcurrency?: number;
  /** Invocations of the notifier at once: 50 by default. */
  readonly notifierMaxConcurrency?: number;
  /** Days until a status object is deleted: 30 by default. */
  readonly statusExpireDays?: number;
  /** Days until a result is deleted: 90 by default. */
  readonly resultExpireDays?: number;
  /** Days until the log of an attempt's work is deleted: 30 by default. */
  readonly workLogExpireDays?: number;
  /** Days that the order table remembers an order after the latest time at which it may end: 30 by default. */
  readonly retentionDays?: number;
  /** Whether the order table can be restored to any second of the last 35 days. */
  readonly pointInTimeRecovery?: boolean;
  /** Whether the bucket and the order table survive a destroy: true by default. */
  readonly deletionProtection?: boolean;
  /** How long logs are kept: a month by default. */
  readonly logRetention?: logs.RetentionDays;
}

/** An order service whose clients poll S3. */
export class Offload extends Construct {
  readonly stores: Stores;
  readonly gateway: Gateway;
  /** The functions, by what they do. `addToRolePolicy` of one allows what your work needs. */
  readonly functions: Record<Part, lambda.Function>;
  /** Where clients submit orders. */
  readonly url: string;

  constructor(scope: Construct, id: string, props: OffloadProps) {
    super(scope, id);
    const name = props.name ?? "offload";
    const workerTimeout = props.workerTimeout ?? Duration.minutes(1);
    const workerMaxConcurrency = props.workerMaxConcurrency ?? 10;
    const notifierMaxConcurrency = props.notifierMaxConcurrency ?? 50;
    const logRetention = props.logRetention ?? logs.RetentionDays.ONE_MONTH;
    const corsOrigins = props.corsOrigins ?? ["*"];
    // Lambda's own advice: six times the function's timeout, so that a batch that is retried is not
    // received meanwhile.
    const visibility = (seconds: number) => Duration.seconds(6 * seconds);

    this.stores = new Stores(this, "Stores", {
      name,
      corsOrigins,
      statusExpireDays: props.statusExpireDays ?? 30,
      resultExpireDays: props.resultExpireDays ?? 90,
      workLogExpireDays: props.workLogExpireDays ?? 30,
      pointInTimeRecovery: props.pointInTimeRecovery ?? false,
      deletionProtection: props.deletionProtection ?? true,
      visibility: visibility(workerTimeout.toSeconds()),
      notifierVisibility: visibility(OTHER_PARTS.notifier.seconds),
    });
    this.gateway = new Gateway(this, "Gateway", name);
    this.url = props.publicUrl ?? this.gateway.http.attrApiEndpoint;
    // By its name, not by the resource: it trusts the functions' roles, and they may assume it.
    const { account, partition } = Stack.of(this);
    const signerArn = `arn:${partition}:iam::${account}:role/${name}-signer`;

    const { orders, notifications, webhooks, webhookRetries } = this.stores;
    const shared = {
      OFFLOAD_BUCKET: this.stores.bucket.bucketName,
      OFFLOAD_TABLE: this.stores.table.tableName,
      OFFLOAD_QUEUE_URL: orders.queue.queueUrl,
      OFFLOAD_SIGNER_ROLE_ARN: signerArn,
      OFFLOAD_RETENTION_DAYS: String(props.retentionDays ?? 30),
      OFFLOAD_NOTIFICATIONS_QUEUE_URL: notifications.queue.queueUrl,
      OFFLOAD_NOTIFICATIONS_DEAD_LETTER_QUEUE_URL: notifications.dead.queueUrl,
      OFFLOAD_WEBHOOKS_QUEUE_URL: webhooks.queue.queueUrl,
      OFFLOAD_WEBHOOK_RETRIES_QUEUE_URL: webhookRetries.queue.queueUrl,
    };
    const ofWorkers = {
      ...shared,
      OFFLOAD_DEAD_LETTER_QUEUE_URL: orders.dead.queueUrl,
      // A session by chaining lasts an hour: a longer TTL could not be kept.
      OFFLOAD_RESULT_URL_TTL_SECONDS: "3600",
    };
    const workerSettings = props.workerSettings ?? {};
    const deadline = workerSettings["OFFLOAD_DEFAULT_DEADLINE_SECONDS"] ?? "604800";
    // The other functions do no work, and their package need not have its program.
    const withoutWork = Object.fromEntries(
      Object.entries(workerSettings).filter(([setting]) => !OF_THE_WORK.includes(setting)),
    );
    const environments: Record<Part, Record<string, string>> = {
      api: {
        ...shared,
        OFFLOAD_TOKEN_SECRET: props.tokenSecret.unsafeUnwrap(),
        OFFLOAD_PUBLIC_URL: this.url,
        OFFLOAD_AUTH: props.auth,
        OFFLOAD_CORS_ORIGINS: corsOrigins.join(","),
        // Orders: an invocation has up to ten.
        OFFLOAD_EXPECTED_CONCURRENCY: String(10 * workerMaxConcurrency),
        OFFLOAD_STATUS_URL_TTL_SECONDS: "3600",
        OFFLOAD_DEFAULT_DEADLINE_SECONDS: deadline,
        OFFLOAD_WEBSOCKET_URL: this.gateway.webSocketUrl,
        OFFLOAD_MANAGEMENT_URL: this.gateway.managementUrl,
        ...props.apiSettings,
      },
      worker: { ...ofWorkers, OFFLOAD_PROCESSOR: props.processor, ...workerSettings },
      dead_letters: { ...ofWorkers, ...withoutWork, OFFLOAD_PROCESSOR: "none" },
      sweeper: { ...ofWorkers, ...withoutWork, OFFLOAD_PROCESSOR: "none" },
      notifier: { ...ofWorkers, ...withoutWork, OFFLOAD_PROCESSOR: "none", ...props.notifierSettings },
    };

    const allowed = statements(this.stores, signerArn, this.gateway.connectionsArn);
    const make = (part: Part, partName: string, description: string, timeout: Duration, memory: number, zip: string) =>
      makeFunction(this, part.replace(/(^|_)(\w)/g, (_, __, letter: string) => letter.toUpperCase()), {
        name: `${name}-${partName}`,
        description,
        package: zip,
        architecture: props.architecture ?? lambda.Architecture.ARM_64,
        timeout,
        memory,
        environment: environments[part],
        statements: allowed[part],
        logRetention,
      });
    const other = (part: keyof typeof OTHER_PARTS) => {
      const { name: partName, description, seconds } = OTHER_PARTS[part];
      return make(part, partName, description, Duration.seconds(seconds), 256, props.workerPackage);
    };
    this.functions = {
      // Below API Gateway's 30 s, so that the function can still say what was wrong.
      api: make("api", "api", "Accepts, reports and cancels orders.", Duration.seconds(20), 256, props.apiPackage),
      worker: make("worker", "worker", "Works on orders.", workerTimeout, 512, props.workerPackage),
      dead_letters: other("dead_letters"),
      sweeper: other("sweeper"),
      notifier: other("notifier"),
    };

    feed("Orders", this.functions.worker, orders.queue, workerMaxConcurrency);
    feed("DeadLetters", this.functions.dead_letters, orders.dead, 2);
    feed("Notifications", this.functions.notifier, notifications.queue, notifierMaxConcurrency);
    feed("Webhooks", this.functions.notifier, webhooks.queue, notifierMaxConcurrency);
    feed("WebhookRetries", this.functions.notifier, webhookRetries.queue, Math.floor(notifierMaxConcurrency / 4));
    sweepEveryMinute(this, name, this.functions.sweeper);
    const access = new logs.LogGroup(this, "AccessLog", {
      retention: logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.gateway.serve(this.functions.api, access);
    this.makeSigner(name);

    new CfnOutput(this, "ApiUrl", { value: this.url });
    new CfnOutput(this, "WebSocketUrl", { value: this.gateway.webSocketUrl });
  }

  /**
   * A presigned URL can do what its signer can, and dies with its credentials. A function does not
   * know when its own end, so it assumes this role, which may read and nothing else.
   */
  private makeSigner(name: string): void {
    const { api, worker, dead_letters: deadLetters } = this.functions;
    const trusted = [api, worker, deadLetters].map((f) => new iam.ArnPrincipal(f.role!.roleArn));
    new iam.Role(this, "Signer", {
      roleName: `${name}-signer`,
      description: `Signs the URLs of status objects and results of ${name}.`,
      // Through chaining a session lasts an hour at most.
      maxSessionDuration: Duration.hours(1),
      assumedBy: new iam.CompositePrincipal(...trusted),
      inlinePolicies: {
        Read: new iam.PolicyDocument({
          statements: [
            new iam.PolicyStatement({
              sid: "ReadStatusResultsAndLogs",
              actions: ["s3:GetObject"],
              resources: ["status", "results", "logs"].map((p) => this.stores.bucket.arnForObjects(`${p}/*`)),
            }),
          ],
        }),
      },
    });
  }
}

/** Settings that only the worker's own function has. */
const OF_THE_WORK = ["OFFLOAD_COMMAND", "OFFLOAD_COMMAND_ENV", "OFFLOAD_HTTP_URL", "OFFLOAD_JOB_SECONDS"];
