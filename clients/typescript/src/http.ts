/**
 * Requests: to the api, which gets the token, and to S3, which never does.
 *
 * @module
 */

import { Cancellations } from "./cancellation.js";
import { type Clock, type Exchange, UNKNOWN, heard, heardDate, isKnown } from "./clock.js";
import type { Environment } from "./environment.js";
import { EventStream } from "./events.js";
import { type Look, lookOf } from "./look.js";
import { pause } from "./pause.js";
import { OffloadError, OffloadProblem, OffloadUnreachable, problemOf } from "./problem.js";
import { API_BACKOFF, TRIES, delay, isPassing, retryAfter } from "./retry.js";
import type { Receipt, SavedReceipt, StatusView } from "./types.js";

/** The longest that the api may take for an answer, in milliseconds. */
const API_TIMEOUT = 30_000;
/** The longest that S3 may take for a status object. */
const LOOK_TIMEOUT = 10_000;
/** The longest that a stream of changes may take to begin. */
const LISTEN_TIMEOUT = 10_000;
/** Streams at once in a browser, which has six connections to a host that speaks HTTP/1.1: some are left for requests. */
const STREAMS_MAX = 4;

/** What {@link OffloadClientOptions.onRetry} is told before each wait. */
export interface Retry {
  /** What is tried again. */
  readonly request: "submit" | "status" | "cancel" | "look" | "result";
  /** How often it has failed in a row. */
  readonly failures: number;
  /** How long until the next try, in milliseconds. */
  readonly waitMs: number;
  /** What was wrong. */
  readonly reason: Error;
}

interface Answer extends Exchange {
  readonly response: Response;
  readonly text: string;
}

/** An answer of S3, and the validator for the next look. */
export interface Looked {
  readonly look: Look;
  /** When it was asked for, by our own clock. */
  readonly at: number;
  readonly etag: string | null;
}

/** One api, and S3 by presigned URLs. */
export class Http {
  readonly env: Environment;
  /** Whether changes are listened for where the service tells of them. */
  readonly push: boolean;
  /** What was asked by {@link Http.cancel}. */
  readonly cancellations = new Cancellations();
  readonly #base: string;
  readonly #onRetry: (retry: Retry) => void;
  /** One service, one clock: what is learned with one order serves the others. */
  #clock: Clock = UNKNOWN;
  #lastDate: string | null = null;
  /** Streams that are open. */
  #streams = 0;

  constructor(api: string | URL, env: Environment, onRetry: (retry: Retry) => void, push: boolean) {
    const url = new URL(api, typeof location === "undefined" ? undefined : location.href);
    this.#base = url.origin + url.pathname.replace(/\/+$/, "");
    this.env = env;
    this.push = push;
    this.#onRetry = onRetry;
  }

  /** What is known of the service's clock. */
  get clock(): Clock {
    return this.#clock;
  }

  /** `POST /order`. */
  async submit(body: string, key: string, signal: AbortSignal): Promise<Receipt> {
    const headers = { "content-type": "application/json", "idempotency-key": key };
    const answer = await this.#api("submit", "/order", { method: "POST", headers, body }, signal);
    const receipt = json<Receipt>(answer, ["id", "order_token", "status_url"]);
    // Cut at zero, the seconds say no more than that the time is over.
    if (receipt.eta?.seconds > 0) {
      // It says when the service wrote it, to a tenth of a second, even where `Date` is hidden.
      const written = Date.parse(receipt.eta.at) - receipt.eta.seconds * 1_000;
      this.#clock = heard(this.#clock, answer, written - 50, written + 50);
    }
    return receipt;
  }

  /** `GET /order/{id}`. */
  status(order: SavedReceipt, signal: AbortSignal): Promise<StatusView> {
    return this.#order("status", "GET", order, signal);
  }

  /** `DELETE /order/{id}`. */
  async cancel(order: SavedReceipt, signal: AbortSignal): Promise<StatusView> {
    const view = await this.#order("cancel", "DELETE", order, signal);
    this.cancellations.add(order, view);
    return view;
  }

  /** Looks at a status URL, once. */
  async look(url: string, etag: string | null, signal: AbortSignal): Promise<Looked> {
    const headers: Record<string, string> = etag !== null && !this.env.httpCache ? { "if-none-match": etag } : {};
    const at = this.env.now();
    const answer = await this.#send(url, { headers, ...this.#plain("no-cache") }, LOOK_TIMEOUT, signal);
    if (answer instanceof Error) {
      return { look: { kind: "unavailable", why: answer.message }, at, etag };
    }
    const look = lookOf(answer.response.status, answer.text);
    if (look.kind === "object" && !isKnown(this.#clock)) {
      // `Date` is hidden here. At least nothing is written in the future.
      this.#clock = heard(this.#clock, answer, Date.parse(look.object.updated_at), Infinity);
    }
    return { look, at, etag: look.kind === "object" ? answer.response.headers.get("etag") : etag };
  }

  /** Listens for an order's changes, after `lastId` if that is given. `null` where that does not work. Never throws. */
  async listen(events: string, order: SavedReceipt, lastId: string | null, signal: AbortSignal): Promise<EventStream | null> {
    if (signal.aborted || (this.env.httpCache && this.#streams >= STREAMS_MAX)) {
      return null;
    }
    const controller = new AbortController();
    let open = true;
    const close = () => {
      this.#streams -= open ? 1 : 0;
      open = false;
      signal.removeEventListener("abort", close);
      controller.abort();
    };
    this.#streams += 1;
    signal.addEventListener("abort", close);
    const timer = this.env.setTimeout(close, LISTEN_TIMEOUT);
    try {
      // In the query: a page that sent it as a header would have to ask first.
      const url = `${events}${events.includes("?") ? "&" : "?"}token=${encodeURIComponent(order.order_token)}`;
      const headers: Record<string, string> = lastId === null ? {} : { "last-event-id": lastId };
      const sentAt = this.env.now();
      const response = await this.env.fetch(url, { headers, ...this.#plain("no-store"), signal: controller.signal });
      this.#hear({ sentAt, receivedAt: this.env.now() }, response.headers.get("date"));
      const media = response.headers.get("content-type") ?? "";
      if (response.status === 200 && response.body && media.startsWith("text/event-stream")) {
        return new EventStream(response.body, this.env, close);
      }
      close();
    } catch {
      close();
    } finally {
      this.env.clearTimeout(timer);
    }
    return null;
  }

  /**
   * Starts to download a result, whose body is left to the caller. `null` if S3 refuses the URL.
   */
  async download(url: string, signal: AbortSignal | undefined): Promise<Response | null> {
    const inner = signal ?? new AbortController().signal;
    return this.#insist("result", inner, async () => {
      let response;
      try {
        response = await this.env.fetch(url, { ...this.#plain("default"), ...(signal ? { signal } : {}) });
      } catch (e) {
        inner.throwIfAborted();
        return { failed: asError(e), wait: null };
      }
      if (response.ok) {
        return { value: response };
      }
      const { status } = response;
      await response.body?.cancel();
      if (status >= 500 || status === 429) {
        return { failed: new OffloadError(`S3 answers ${status}`), wait: null };
      }
      return { value: null };
    });
  }

  /** Tells of a wait, and waits. */
  async backOff(retry: Retry, signal: AbortSignal): Promise<void> {
    this.#onRetry(retry);
    // The api's word stands whatever the network does.
    await pause(retry.waitMs, this.env, { signal, until: retry.reason instanceof OffloadProblem ? [] : this.env.online });
  }

  async #order(request: Retry["request"], method: string, order: SavedReceipt, signal: AbortSignal): Promise<StatusView> {
    const headers = { authorization: `Bearer ${order.order_token}` };
    const answer = await this.#api(request, `/order/${encodeURIComponent(order.id)}`, { method, headers }, signal);
    return json<StatusView>(answer, ["id", "status_url"]);
  }

  /** One request to the api, until there is an answer other than "later". All of them are safe to repeat. */
  #api(request: Retry["request"], path: string, init: RequestInit, signal: AbortSignal): Promise<Answer> {
    return this.#insist(request, signal, async () => {
      const answer = await this.#send(this.#base + path, init, API_TIMEOUT, signal);
      if (answer instanceof Error) {
        return { failed: answer, wait: null };
      }
      const { response, text } = answer;
      if (response.ok) {
        return { value: answer };
      }
      const problem = problemOf(response.status, text, response.headers.get("x-request-id"));
      const header = response.headers.get("retry-after");
      if (!isPassing(response.status, header)) {
        throw problem;
      }
      return { failed: problem, wait: retryAfter(header, Date.parse(response.headers.get("date") ?? "") || this.env.now()) };
    });
  }

  async #insist<T>(
    request: Retry["request"],
    signal: AbortSignal,
    attempt: () => Promise<{ value: T } | { failed: Error; wait: number | null }>,
  ): Promise<T> {
    for (let failures = 1; ; failures++) {
      const outcome = await attempt();
      if ("value" in outcome) {
        return outcome.value;
      }
      const { failed, wait } = outcome;
      if (failures === TRIES) {
        // A problem says more than that there was one.
        throw failed instanceof OffloadError ? failed : new OffloadUnreachable(`no answer: ${failed.message}`, { cause: failed });
      }
      const random = this.env.random();
      // Never sooner than was asked for, and not all at once.
      const waitMs = wait === null ? delay(API_BACKOFF, failures, random) : wait * (1 + 0.1 * random);
      await this.backOff({ request, failures, waitMs, reason: failed }, signal);
    }
  }

  /** Sends a request once and reads the whole answer, or tells why there is none. Throws only when `signal` is aborted. */
  async #send(url: string, init: RequestInit, timeout: number, signal: AbortSignal): Promise<Answer | Error> {
    signal.throwIfAborted();
    const controller = new AbortController();
    const end = () => controller.abort(signal.reason);
    const timer = this.env.setTimeout(() => controller.abort(new OffloadUnreachable(`no answer within ${timeout} ms`)), timeout);
    signal.addEventListener("abort", end);
    try {
      const sentAt = this.env.now();
      const response = await this.env.fetch(url, { ...init, signal: controller.signal });
      const exchange = { sentAt, receivedAt: this.env.now() };
      this.#hear(exchange, response.headers.get("date"));
      return { ...exchange, response, text: await response.text() };
    } catch (e) {
      signal.throwIfAborted();
      return asError(controller.signal.aborted ? controller.signal.reason : e);
    } finally {
      this.env.clearTimeout(timer);
      signal.removeEventListener("abort", end);
    }
  }

  #hear(exchange: Exchange, date: string | null): void {
    // The same once more may come out of a cache that kept the date of the answer it stored.
    if (date !== this.#lastDate) {
      this.#clock = heardDate(this.#clock, exchange, date);
      this.#lastDate = date;
    }
  }

  /** No cookies, and in a browser a use of its cache. Elsewhere `fetch` may not know these members. */
  #plain(cache: RequestCache): RequestInit {
    return this.env.httpCache ? { credentials: "omit", cache } : {};
  }
}

function json<T>({ response, text }: Answer, members: (keyof T & string)[]): T {
  try {
    const value = JSON.parse(text) as T | null;
    if (members.every((name) => typeof value?.[name] === "string")) {
      return value as T;
    }
  } catch {
    // Told below.
  }
  throw new OffloadError(`the answer (${response.status}) cannot be read: is it the api of status-offload that listens there?`);
}

function asError(e: unknown): Error {
  return e instanceof Error ? e : new Error(String(e));
}
