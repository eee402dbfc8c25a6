// What is observed of a deployment, by alarms and the dashboard.

import { aws_lambda as lambda, aws_logs as logs } from "aws-cdk-lib";

import type { Queues } from "./queues.js";

/** Seconds by priority. A priority without a value has its default; null is for no alarm. */
export interface WaitingSeconds {
  readonly high?: number | null;
  readonly normal?: number | null;
  readonly low?: number | null;
}

/** What is observed: names, and ids of the APIs. */
export interface Observed {
  readonly name: string;
  readonly httpApi: string;
  /** With push. */
  readonly webSocketApi?: string;
  readonly queues: Queues;
  readonly tableName: string;
  readonly functions: lambda.Function[];
  /** The function that sweeps, if one does. */
  readonly sweeper?: lambda.Function;
  readonly container?: { readonly cluster: string; readonly service: string };
  /** Of the worker, dead_letters and sweeper, or of the container. */
  readonly logs: Partial<Record<LoggingPart, logs.ILogGroup>>;
  readonly waitingSeconds: WaitingSeconds;
}

/** Whose logs have the lines that are counted. */
export type LoggingPart = "worker" | "dead_letters" | "sweeper" | "container";

/** Namespace of the metrics from logs. */
export const namespaceOf = (name: string): string => `status-offload/${name}`;
export const WAIT_METRIC = "wait-seconds";
