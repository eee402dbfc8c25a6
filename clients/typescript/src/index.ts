/**
 * Client of status-offload: places orders, and follows them by their status objects in S3, in about two looks each.
 *
 * @packageDocumentation
 */

export { OffloadClient } from "./client.js";
export type { OffloadClientOptions, ResultOptions, SubmitOptions, WaitOptions } from "./client.js";
export type { Fetch, Surroundings } from "./environment.js";
export type { Retry } from "./http.js";
export type { Limits } from "./pause.js";
export { OffloadError, OffloadProblem, OffloadTimeout, OffloadUnreachable } from "./problem.js";
export type { Fault, FinalStatus, OrderOptions, Problem, Receipt, SavedReceipt, StatusObject, StatusView } from "./types.js";
