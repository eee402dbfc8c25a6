// The properties of the construct. Each is named like its variable of infra/terraform, and has the
// same default.

import { Duration, aws_kms as kms, aws_lambda as lambda, aws_logs as logs } from "aws-cdk-lib";

import type { AuthorizerProps } from "./authorizer.js";
import type { ChannelProps } from "./channels.js";
import type { FargateProps } from "./container.js";
import type { DomainProps } from "./domain.js";
import type { Budget } from "./observability.js";
import type { WaitingSeconds } from "./observed.js";
import type { Transition } from "./stores.js";

/** Whom the tokens of callers are from. */
export interface JwtProps {
  readonly issuer: string;
  readonly audience: string;
  /** URL of the issuer's keys; none where API Gateway checks the tokens. */
  readonly jwksUrl?: string;
  /** The claim that names the caller's tenant. */
  readonly tenantClaim?: string;
  /** The claim that names the caller's roles: roles by default. */
  readonly rolesClaim?: string;
}

/** Subnets and security groups, by their ids. */
export interface VpcProps {
  readonly subnetIds: string[];
  readonly securityGroupIds: string[];
}

export interface OffloadProps extends ChannelProps {
  /** Prefix of every resource's name: one deployment of an account, in whatever region, one name. */
  readonly name?: string;
  /** Path of offload-api.zip, as `just package` makes it. */
  readonly apiPackage: string;
  /** Path of offload-worker.zip, as `just package` makes it. */
  readonly workerPackage: string;
  /** Processor of the functions and containers, for which the packages were built: ARM_64 by default. */
  readonly architecture?: lambda.Architecture;

  // --- Clients and callers -----------------------------------------------------------------------

  /**
   * Secrets that sign order tokens, 32 characters at least, in SSM or Secrets Manager, by their
   * ARNs, the one that signs first: one that is made here by default. The api reads them as it
   * starts; they are in no template and no configuration.
   */
  readonly tokenSecretArns?: string[];
  /** Keys of KMS by which secrets of your own are encrypted, beside customerKey. */
  readonly secretKeyArns?: string[];
  /**
   * How callers are known: none (everybody may submit), or some of keys, jwt and gateway (API
   * Gateway checks the tokens), separated by commas.
   */
  readonly auth: string;
  /** With jwt or gateway in auth, or an authorizer of the type jwt: whose tokens. */
  readonly jwt?: JwtProps;
  /** Whom API Gateway lets submit orders and operate. Without it auth decides alone. */
  readonly authorizer?: AuthorizerProps;
  /** Domain of the API. What clients get names it. */
  readonly domain?: DomainProps;
  /** Domain of the WebSocket API: another one, as API Gateway serves both APIs from no one domain. */
  readonly websocketDomain?: DomainProps;
  /** URL of the API as clients reach it, where something else than domain leads to it. */
  readonly publicUrl?: string;
  /** URL of the WebSocket API, wss://, where something else than websocketDomain leads to it. */
  readonly websocketPublicUrl?: string;
  /** Origins whose pages may place orders and read status objects: any by default. */
  readonly corsOrigins?: string[];
  /** How clients read status objects: url (a presigned URL, the default), or sts (temporary credentials). */
  readonly access?: "url" | "sts";
  /** Networks from which status objects and results may be read: everywhere by default. */
  readonly allowedCidrs?: string[];
  /** The oldest that a presigned URL may be when it is used, whatever its own expiry says. */
  readonly maxSignatureAge?: Duration;
  /** Whether clients get the log of an order's work by GET /order/{id}: false by default. */
  readonly shareWorkLogs?: boolean;

  // --- The work ----------------------------------------------------------------------------------

  /** What does the work: command (a program in the package), http (a URL), or demo (simulated work). */
  readonly workerProcessor: string;
  /** More settings of the worker: OFFLOAD_ variables, such as OFFLOAD_COMMAND. */
  readonly workerSettings?: Record<string, string>;
  /** The longest that an invocation of the worker may take: a minute by default, 15 at most. */
  readonly workerTimeout?: Duration;
  /**
   * Invocations of the worker at once by each queue of orders, 2 to 1000: 10 by default. With
   * fargate, the most tasks.
   */
  readonly workerMaxConcurrency?: number;
  /** Event pollers of each queue of orders that are kept ready, in place of workerMaxConcurrency. */
  readonly workerProvisionedPollers?: { readonly minimum: number; readonly maximum: number };
  /** Containers in place of functions, for work that takes longer than 15 minutes or has its own image. */
  readonly fargate?: FargateProps;
  /**
   * With fargate: variables of the container from Secrets Manager or SSM, by the ARN of the secret
   * or parameter.
   */
  readonly workerSecrets?: Record<string, string>;
  /**
   * Whether orders may be urgent or able to wait: a queue for each priority, and one for tenants
   * that use less than their share.
   */
  readonly priorities?: boolean;

  // --- Push --------------------------------------------------------------------------------------

  /** Whether there is push: a WebSocket API, webhooks, events. True by default. */
  readonly push?: boolean;
  /** Where events come from: writers (the default), or stream (the order table's). */
  readonly eventsFrom?: "writers" | "stream";
  /** Invocations of the notifier at once: 50 by default. */
  readonly notifierMaxConcurrency?: number;
  /** Whether the WebSocket API has access logs: the account needs a role for API Gateway's logs then. */
  readonly websocketAccessLogs?: boolean;

  // --- The stores --------------------------------------------------------------------------------

  /** Cheaper tiers for status objects: none by default, as each costs more than Standard for 1 to 10 KB. */
  readonly statusTransitions?: Transition[];
  /** Days until a status object is deleted: 30 by default. */
  readonly statusExpireDays?: number;
  /** Cheaper tiers for results: Infrequent Access after 30 days by default. */
  readonly resultTransitions?: Transition[];
  /** Days until a result is deleted: 90 by default. */
  readonly resultExpireDays?: number;
  /** Days until the log of an attempt's work is deleted: 30 by default. */
  readonly workLogExpireDays?: number;
  /** Days that the order table remembers an order after the latest time at which it may end: 30 by default. */
  readonly retentionDays?: number;
  /** Whether the order table can be restored to any second of the last 35 days. */
  readonly pointInTimeRecovery?: boolean;
  /**
   * Whether the bucket and the order table survive a destroy: true by default. CloudFormation
   * deletes no bucket with objects in it: empty it first.
   */
  readonly deletionProtection?: boolean;
  /**
   * A key of KMS for bucket, table, queues, logs and the functions' settings. Its policy lets the
   * account's IAM decide, and the service logs.{region}.amazonaws.com use it.
   */
  readonly customerKey?: kms.IKey;

  // --- The functions -----------------------------------------------------------------------------

  /** Subnets and security groups of the functions: none by default, which needs no NAT gateway. */
  readonly vpc?: VpcProps;
  /** Functions that the api has for itself out of the account's, and the most that it may have. */
  readonly apiReservedConcurrency?: number;
  /** How long logs are kept: a month by default. */
  readonly logRetention?: logs.RetentionDays;

  // --- Observability -----------------------------------------------------------------------------

  /** SNS topic that alarms go to. Without it they notify nobody. */
  readonly alarmTopicArn?: string;
  /** The mean wait for a first attempt that raises an alarm: of normal orders 900 s, of high ones 60 s. */
  readonly alarmWaitingSeconds?: WaitingSeconds;
  /** What a month may cost. alarmTopicArn is notified. */
  readonly budget?: Budget;
}
