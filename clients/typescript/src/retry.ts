/**
 * Which answers are worth another try, and after how long. Pure.
 *
 * @module
 */

/** Exponential growth from `base` to `max` milliseconds. */
export interface Backoff {
  /** The wait after the first failure, before jitter. */
  readonly base: number;
  /** The longest wait. */
  readonly max: number;
}

/** Tries of one request to the api, the first among them. */
export const TRIES = 5;
/** Waits between them, unless the api names one. */
export const API_BACKOFF: Backoff = { base: 500, max: 8_000 };
/** Waits after looks that S3 did not answer. */
export const LOOK_BACKOFF: Backoff = { base: 500, max: 10_000 };
/** Tries to listen for one order's changes, the first among them, before the schedule holds. */
export const LISTEN_TRIES = 2;
/** The wait before a stream that broke off is taken up: up to the two seconds that the service asks for. */
export const LISTEN_BACKOFF: Backoff = { base: 2_000, max: 2_000 };
/** Looks in a row without an answer, over about a minute, after which S3 counts as out of reach. */
export const UNANSWERED_MAX = 10;
/** The longest `Retry-After` that is obeyed, in milliseconds. */
const RETRY_AFTER_MAX = 30_000;

/** The wait after the `failures`th failure in a row (from 1), half fixed and half by `random` in [0, 1). */
export function delay({ base, max }: Backoff, failures: number, random: number): number {
  return Math.min(max, base * 2 ** Math.max(0, failures - 1)) * (0.5 + 0.5 * random);
}

/**
 * Whether the same request to the api may succeed a little later.
 *
 * Of the 4xx only 429, and a 409 that names the time to come back: the service is still at work on an earlier try of ours, whose
 * answer was lost.
 */
export function isPassing(status: number, retryAfter: string | null): boolean {
  return status === 429 || status === 502 || status === 503 || status === 504 || (status === 409 && retryAfter !== null);
}

/** The wait in milliseconds that a `Retry-After` header names, in seconds or as a date; `null` if it names none. */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null) {
    return null;
  }
  const wait = /^\s*\d+\s*$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now;
  return Number.isNaN(wait) ? null : Math.min(RETRY_AFTER_MAX, Math.max(0, wait));
}
