/**
 * What can go wrong, as errors. No message holds a URL or a token: a presigned URL is a secret.
 *
 * @module
 */

import type { Fault, Problem } from "./types.js";

/** Anything that this package throws, save the reason of an `AbortSignal`. */
export class OffloadError extends Error {
  override name = "OffloadError";
}

/** The time that the caller allowed is over. The order goes on, and the same receipt can be waited for again. */
export class OffloadTimeout extends OffloadError {
  override name = "OffloadTimeout";
}

/** No answer, however often asked; `cause` is the last failure. */
export class OffloadUnreachable extends OffloadError {
  override name = "OffloadUnreachable";
}

/** The service refuses: an RFC 9457 problem. */
export class OffloadProblem extends OffloadError {
  override name = "OffloadProblem";
  /** Identifies the kind of problem: a stable URI. */
  readonly type: string;
  /** The kind in a few words. */
  readonly title: string;
  /** The HTTP status code that goes with it. */
  readonly status: number;
  /** What was wrong this time, and what to do about it. */
  readonly detail: string | undefined;
  /** Each fault of an invalid order, with its JSON pointer. */
  readonly errors: readonly Fault[];
  /** Names the request in the service's log. */
  readonly requestId: string | undefined;

  /** The error that a problem document describes. */
  constructor(problem: Problem) {
    const faults = (problem.errors ?? []).map((f) => `${f.pointer || "/"}: ${f.detail}`).join("; ");
    super([problem.title, problem.detail, faults].filter(Boolean).join(": "));
    this.type = problem.type;
    this.title = problem.title;
    this.status = problem.status;
    this.detail = problem.detail ?? undefined;
    this.errors = problem.errors ?? [];
    this.requestId = problem.request_id ?? undefined;
  }

  /** The last part of `type`, such as `invalid-order`. */
  get slug(): string {
    return this.type.slice(this.type.lastIndexOf("/") + 1);
  }
}

/** The problem of an answer. One that is no problem document, such as a proxy's page, becomes one of type `about:blank`. */
export function problemOf(status: number, body: string, requestId: string | null): OffloadProblem {
  const read = parsed(body);
  const text = (name: string) => (typeof read?.[name] === "string" ? (read[name] as string) : undefined);
  const errors = Array.isArray(read?.errors) ? read.errors.filter(isFault) : [];
  return new OffloadProblem({
    type: text("type") ?? "about:blank",
    title: text("title") ?? `The api answers ${status}`,
    status,
    detail: text("detail") ?? null,
    errors,
    request_id: text("request_id") ?? requestId,
  });
}

function parsed(body: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" ? (value as Record<string, unknown> | null) : null;
  } catch {
    return null;
  }
}

function isFault(value: unknown): value is Fault {
  const fault = value as Partial<Fault> | null;
  return typeof fault?.pointer === "string" && typeof fault.detail === "string";
}
