/**
 * Requests and their responses: timeouts, retries, and the service's clock.
 *
 * @module
 */

import { type Clock, type Exchange, UNKNOWN, observe, observeDate } from "./clock.js";
import type { Environment } from "./environment.js";
import { OffloadError, OffloadProblem, OffloadUnreachable } from "./problem.js";
import { ATTEMPTS, REQUEST_BACKOFF, type RequestKind, type Retry, delay } from "./retry.js";
import { sleep } from "./sleep.js";

/** A response, read whole. */
export interface TextResponse extends Exchange {
  readonly response: Response;
  readonly text: string;
}

/** What one attempt came to: a value, or a failure and how long to wait, if the service says so. */
export type Attempt<T> = { readonly value: T } | { readonly failure: Error; readonly waitMs: number | null };

/** Sends the requests of one client. */
export class Transport {
  readonly env: Environment;
  readonly #onRetry: (retry: Retry) => void;
  /** One service, one clock: what one order's responses say serves all orders. */
  #clock: Clock = UNKNOWN;
  #lastDate: string | null = null;

  constructor(env: Environment, onRetry: (retry: Retry) => void) {
    this.env = env;
    this.#onRetry = onRetry;
  }

  /** The service's clock, as far as it is known. */
  get clock(): Clock {
    return this.#clock;
  }

  /** Takes into account that the service's clock was between `from` and `to` during an exchange. */
  observe(exchange: Exchange, from: number, to: number): void {
    this.#clock = observe(this.#clock, exchange, from, to);
  }

  /**
   * Sends a request once and reads the whole response, or returns why there is none. Throws only
   * when `signal` is aborted.
   */
  async send(url: string, init: RequestInit, timeout: number, signal: AbortSignal): Promise<TextResponse | Error> {
    signal.throwIfAborted();
    const controller = new AbortController();
    const abort = () => controller.abort(signal.reason);
    const late = () => controller.abort(new OffloadUnreachable(`no response within ${timeout} ms`));
    const timer = this.env.setTimeout(late, timeout);
    signal.addEventListener("abort", abort);
    try {
      const { response, ...exchange } = await this.open(url, { ...init, signal: controller.signal });
      return { ...exchange, response, text: await response.text() };
    } catch (e) {
      signal.throwIfAborted();
      return asError(controller.signal.aborted ? controller.signal.reason : e);
    } finally {
      this.env.clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  /** Sends a request and returns the response as soon as its head is there. */
  async open(url: string, init: RequestInit): Promise<Exchange & { readonly response: Response }> {
    const sentAt = this.env.now();
    const response = await this.env.fetch(url, init);
    const exchange = { sentAt, receivedAt: this.env.now() };
    const date = response.headers.get("date");
    // The same date once more may come out of a cache that kept it with the response.
    if (date !== this.#lastDate) {
      this.#clock = observeDate(this.#clock, exchange, date);
      this.#lastDate = date;
    }
    return { ...exchange, response };
  }

  /** Repeats an attempt until it has a value, as often as is worth it. */
  async retry<T>(request: RequestKind, signal: AbortSignal, attempt: () => Promise<Attempt<T>>): Promise<T> {
    for (let failures = 1; ; failures++) {
      const result = await attempt();
      if ("value" in result) {
        return result.value;
      }
      const { failure, waitMs: named } = result;
      if (failures === ATTEMPTS) {
        // A problem says more than that there was one.
        throw failure instanceof OffloadError
          ? failure
          : new OffloadUnreachable(`no response: ${failure.message}`, { cause: failure });
      }
      const random = this.env.random();
      // Never sooner than the service asks for, and not all clients at once.
      const waitMs = named === null ? delay(REQUEST_BACKOFF, failures, random) : named * (1 + 0.1 * random);
      await this.backOff({ request, failures, waitMs, reason: failure }, signal);
    }
  }

  /** Reports a failure that will be retried, and waits. */
  async backOff(retry: Retry, signal: AbortSignal): Promise<void> {
    this.#onRetry(retry);
    // What the api asks for holds whatever the network does.
    await sleep(retry.waitMs, this.env, {
      signal,
      until: retry.reason instanceof OffloadProblem ? [] : this.env.online,
    });
  }
}

/** What was thrown, as an error. */
export function asError(e: unknown): Error {
  return e instanceof Error ? e : new Error(String(e));
}
