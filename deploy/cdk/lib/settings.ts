// The settings of the programs: OFFLOAD_ variables, by the part of the service.

import { apiChannelSettings, channelSettings, notifierChannelSettings, present } from "./channels.js";
import type { OffloadProps } from "./props.js";
import type { Queues } from "./queues.js";
import type { Part } from "./statements.js";
import type { Stores } from "./stores.js";

type Settings = Record<string, string>;

/** Settings that only the worker's own function has. */
const OF_THE_WORK = ["OFFLOAD_COMMAND", "OFFLOAD_COMMAND_ENV", "OFFLOAD_HTTP_URL", "OFFLOAD_JOB_SECONDS"];

export interface Urls {
  readonly api: string;
  /** With push. */
  readonly webSocket?: string;
  /** With push: by which the notifier posts to connections. */
  readonly management?: string;
}

/** What the programs need to know of the rest. */
export interface Surroundings {
  readonly stores: Stores;
  readonly queues: Queues;
  /** ARN of the role that signs URLs. */
  readonly signer: string;
  readonly urls: Urls;
  /** ARNs of the secrets that sign tokens. */
  readonly tokenSecrets: string[];
  /** With push: where connections are posted to. */
  readonly connections?: string;
}

/** Orders that one function or task works on at once. Lambda gives a function ten at most. */
export function ordersAtOnce(props: OffloadProps): number {
  return Math.min(Number(props.workerSettings?.["OFFLOAD_CONCURRENCY"] ?? "10"), props.fargate ? 1000 : 10);
}

function expectedOrders(props: OffloadProps): number {
  const most = props.workerMaxConcurrency ?? 10;
  if (props.fargate) {
    return most * ordersAtOnce(props);
  }
  // A poller that is kept ready invokes up to ten functions at once.
  const pollers = props.workerProvisionedPollers;
  return (pollers ? 10 * pollers.maximum : Math.max(2, most)) * ordersAtOnce(props);
}

function jwtSettings({ jwt }: OffloadProps): Settings {
  return !jwt
    ? {}
    : present({
        OFFLOAD_JWT_ISSUER: jwt.issuer,
        OFFLOAD_JWT_AUDIENCE: jwt.audience,
        OFFLOAD_JWT_JWKS_URL: jwt.jwksUrl,
        OFFLOAD_JWT_TENANT_CLAIM: jwt.tenantClaim,
        OFFLOAD_JWT_ROLES_CLAIM: jwt.rolesClaim ?? "roles",
      });
}

/** Of the container too: worker, with what ends dead letters and sweeps. */
export function settings(props: OffloadProps, around: Surroundings): Record<Part, Settings> {
  const { stores, queues, urls } = around;
  const { orders, push } = queues;
  const shared: Settings = {
    OFFLOAD_BUCKET: stores.bucket.bucketName,
    OFFLOAD_TABLE: stores.table.tableName,
    OFFLOAD_QUEUE_URL: orders.queue.queueUrl,
    OFFLOAD_SIGNER_ROLE_ARN: around.signer,
    OFFLOAD_RETENTION_DAYS: String(props.retentionDays ?? 30),
    ...Object.fromEntries(
      Object.entries(queues.beside).map(([priority, queue]) => [`OFFLOAD_${priority.toUpperCase()}_QUEUE_URL`, queue.queueUrl]),
    ),
    ...(push && {
      ...channelSettings(props),
      OFFLOAD_NOTIFICATIONS_QUEUE_URL: push.notifications.queue.queueUrl,
      OFFLOAD_NOTIFICATIONS_DEAD_LETTER_QUEUE_URL: push.notifications.dead.queueUrl,
      OFFLOAD_WEBHOOKS_QUEUE_URL: push.webhooks.queue.queueUrl,
      OFFLOAD_WEBHOOK_RETRIES_QUEUE_URL: push.webhookRetries.queue.queueUrl,
      OFFLOAD_EVENTS_FROM: props.eventsFrom ?? "writers",
    }),
  };
  const workerSettings = props.workerSettings ?? {};
  const worker: Settings = {
    ...shared,
    OFFLOAD_DEAD_LETTER_QUEUE_URL: orders.dead.queueUrl,
    OFFLOAD_PROCESSOR: props.workerProcessor,
    // A session by chaining lasts an hour: a longer TTL could not be kept.
    OFFLOAD_RESULT_URL_TTL_SECONDS: "3600",
    ...workerSettings,
  };
  // The other functions do no work, and their package need not have its program.
  const withoutWork: Settings = {
    ...Object.fromEntries(Object.entries(worker).filter(([setting]) => !OF_THE_WORK.includes(setting))),
    OFFLOAD_PROCESSOR: "none",
  };
  const api: Settings = {
    ...shared,
    OFFLOAD_TOKEN_SECRET_ARN: around.tokenSecrets.join(","),
    OFFLOAD_PUBLIC_URL: urls.api,
    OFFLOAD_ACCESS: props.access ?? "url",
    OFFLOAD_AUTH: props.auth,
    OFFLOAD_SHARE_WORK_LOGS: String(props.shareWorkLogs ?? false),
    OFFLOAD_CORS_ORIGINS: (props.corsOrigins ?? ["*"]).join(","),
    OFFLOAD_EXPECTED_CONCURRENCY: String(expectedOrders(props)),
    OFFLOAD_STATUS_URL_TTL_SECONDS: "3600",
    // By it the api sets how long the table keeps an order.
    OFFLOAD_DEFAULT_DEADLINE_SECONDS: workerSettings["OFFLOAD_DEFAULT_DEADLINE_SECONDS"] ?? "604800",
    ...jwtSettings(props),
    ...(push && {
      ...apiChannelSettings(props),
      ...present({ OFFLOAD_WEBSOCKET_URL: urls.webSocket, OFFLOAD_MANAGEMENT_URL: urls.management }),
    }),
  };
  // The notifier is a function: a container has neither its secrets nor its permissions.
  const deliversNone: Settings = props.fargate && push ? { OFFLOAD_NOTIFY_CONCURRENCY: "0" } : {};
  return {
    api,
    worker: { ...worker, ...deliversNone },
    dead_letters: withoutWork,
    sweeper: withoutWork,
    notifier: { ...withoutWork, ...notifierChannelSettings(props) },
  };
}
