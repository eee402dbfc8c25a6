/**
 * Which failures are worth another attempt, and after how long. Pure.
 *
 * @module
 */

/**
 * A failed request that will be sent again: {@link OffloadClientOptions.onRetry} is called with
 * one.
 */
export interface Retry {
  /** What is sent again. */
  readonly request: RequestKind;
  /** How often it has failed in a row. */
  readonly failures: number;
  /** How long until the next attempt, in milliseconds. */
  readonly waitMs: number;
  /** Why it failed. */
  readonly reason: Error;
}

/** The kind of a request: the first three to the api, the others to S3. */
export type RequestKind = "submit" | "status" | "cancel" | "poll" | "result";

/** Exponential growth from `base` to `max` milliseconds. */
export interface Backoff {
  /** The wait after the first failure, before jitter. */
  readonly base: number;
  /** The longest wait. */
  readonly max: number;
}

/** Attempts at one request, the first among them. */
export const ATTEMPTS = 5;
/** Waits between them, unless the api sends `Retry-After`. */
export const REQUEST_BACKOFF: Backoff = { base: 500, max: 8_000 };
/** Waits after polls that S3 did not respond to. */
export const POLL_BACKOFF: Backoff = { base: 500, max: 10_000 };
/** Failed polls in a row, over about a minute, after which S3 counts as unreachable. */
export const POLL_ATTEMPTS = 10;
/**
 * Attempts to subscribe to one order's events, the first among them, before the schedule applies.
 */
export const SUBSCRIBE_ATTEMPTS = 2;
/** The wait before the second: up to the two seconds that the service asks for. */
export const RESUBSCRIBE_BACKOFF: Backoff = { base: 2_000, max: 2_000 };
/** The longest `Retry-After` that is obeyed, in milliseconds. */
const RETRY_AFTER_MAX = 30_000;

/**
 * The wait after the `failures`th failure in a row (from 1), half of it fixed and half by `random`
 * in [0, 1).
 */
export function delay({ base, max }: Backoff, failures: number, random: number): number {
  return Math.min(max, base * 2 ** Math.max(0, failures - 1)) * (0.5 + 0.5 * random);
}

/**
 * Whether the same request to the api may succeed a little later.
 *
 * Of the 4xx only 429, and a 409 with `Retry-After`: the service is still at work on an earlier
 * attempt of ours, whose response was lost.
 */
export function isRetryable(status: number, retryAfter: string | null): boolean {
  return (
    status === 429 || status === 502 || status === 503 || status === 504 || (status === 409 && retryAfter !== null)
  );
}

/** The wait in a `Retry-After` header, in milliseconds; `null` if it names none. */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null) {
    return null;
  }
  const wait = /^\s*\d+\s*$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(wait) ? null : Math.min(RETRY_AFTER_MAX, Math.max(0, wait));
}
