/**
 * Client of status-offload: submits orders and waits for them by their status objects in S3, with
 * about two polls each.
 *
 * @packageDocumentation
 */

export type { CallOptions } from "./call.js";
export { OffloadClient } from "./client.js";
export type { OffloadClientOptions, ResultOptions, SubmitOptions, WaitOptions } from "./client.js";
export type { EnvironmentOptions, Fetch } from "./environment.js";
export { OffloadError, OffloadProblem, OffloadTimeout, OffloadUnreachable } from "./problem.js";
export type { RequestKind, Retry } from "./retry.js";
export type {
  BatchReceipt,
  FinalStatus,
  OrderOptions,
  Problem,
  Receipt,
  SavedReceipt,
  StatusObject,
  StatusView,
  Violation,
} from "./types.js";
