/**
 * What can go wrong, as errors. No message holds a URL or a token: a presigned URL is a secret.
 *
 * @module
 */

import type { Problem, Violation } from "./types.js";

/** Anything that this package throws, except for the reason of an `AbortSignal`. */
export class OffloadError extends Error {
  override name = "OffloadError";
}

/** The time limit of the call has passed. The order goes on, and can be waited for again. */
export class OffloadTimeout extends OffloadError {
  override name = "OffloadTimeout";
}

/** No response after all attempts; `cause` is the last failure. */
export class OffloadUnreachable extends OffloadError {
  override name = "OffloadUnreachable";
}

/** The service refuses, with a problem document (RFC 9457). */
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
  /** Each violation of an invalid order, with its JSON pointer. */
  readonly errors: readonly Violation[];
  /** Names the request in the service's log. */
  readonly requestId: string | undefined;

  /** The error that a problem document describes. */
  constructor(problem: Problem) {
    const violations = (problem.errors ?? []).map((v) => `${v.pointer || "/"}: ${v.detail}`).join("; ");
    super([problem.title, problem.detail, violations].filter(Boolean).join(": "));
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

/**
 * The problem in a response. A body that is no problem document, such as a proxy's page, becomes
 * one of type `about:blank`.
 */
export function problemOf(status: number, body: string, requestId: string | null): OffloadProblem {
  const document = parsed(body);
  const text = (name: string) => (typeof document?.[name] === "string" ? (document[name] as string) : undefined);
  const errors = Array.isArray(document?.errors) ? document.errors.filter(isViolation) : [];
  return new OffloadProblem({
    type: text("type") ?? "about:blank",
    title: text("title") ?? `the api responded with ${status}`,
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

function isViolation(value: unknown): value is Violation {
  const violation = value as Partial<Violation> | null;
  return typeof violation?.pointer === "string" && typeof violation.detail === "string";
}
