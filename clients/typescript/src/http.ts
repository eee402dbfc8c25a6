/**
 * Requests: to the api, which gets the token, and to S3, which never does.
 *
 * @module
 */

import { Cancellations } from "./cancellations.js";
import { isKnown } from "./clock.js";
import { EventStream } from "./events.js";
import { OffloadError, problemOf } from "./problem.js";
import { type RequestKind, isRetryable, retryAfter } from "./retry.js";
import { type PollResponse, pollResponse } from "./s3.js";
import { type TextResponse, type Transport, asError } from "./transport.js";
import type { Receipt, SavedReceipt, StatusView } from "./types.js";

/** The longest that the api may take to respond, in milliseconds. */
const API_TIMEOUT = 30_000;
/** The longest that S3 may take to respond with a status object. */
const POLL_TIMEOUT = 10_000;
/** The longest that the api may take to open a stream. */
const SUBSCRIBE_TIMEOUT = 10_000;
/**
 * Streams at once in a browser, which has six connections to a host that speaks HTTP/1.1: some are
 * left for requests.
 */
const STREAMS_MAX = 4;

/** One poll. */
export interface Poll {
  readonly response: PollResponse;
  /** When it was sent, by our own clock. */
  readonly sentAt: number;
  /** The validator for the next poll. */
  readonly etag: string | null;
}

/** One api, and S3 by presigned URLs. */
export class Http {
  readonly transport: Transport;
  /** Whether to subscribe to status updates where the service pushes them. */
  readonly push: boolean;
  /** What {@link Http.cancel} has requested. */
  readonly cancellations = new Cancellations();
  readonly #base: string;
  /** Streams that are open. */
  #streams = 0;

  constructor(api: string | URL, transport: Transport, push: boolean) {
    const url = new URL(api, typeof location === "undefined" ? undefined : location.href);
    this.#base = url.origin + url.pathname.replace(/\/+$/, "");
    [this.transport, this.push] = [transport, push];
  }

  /** `POST /order`. */
  async submit(body: string, key: string, signal: AbortSignal): Promise<Receipt> {
    const headers = { "content-type": "application/json", "idempotency-key": key };
    const response = await this.#api("submit", "/order", { method: "POST", headers, body }, signal);
    const receipt = json<Receipt>(response, ["id", "order_token"]);
    // 0 may mean any time in the past.
    if (receipt.eta?.seconds > 0) {
      // This is more exact than `Date`, which may be hidden: it is rounded to a tenth of a second.
      const written = Date.parse(receipt.eta.at) - receipt.eta.seconds * 1_000;
      this.transport.observe(response, written - 50, written + 50);
    }
    return receipt;
  }

  /** `GET /order/{id}`. */
  status(receipt: SavedReceipt, signal: AbortSignal): Promise<StatusView> {
    return this.#order("status", "GET", receipt, signal);
  }

  /** `DELETE /order/{id}`. */
  async cancel(receipt: SavedReceipt, signal: AbortSignal): Promise<StatusView> {
    const view = await this.#order("cancel", "DELETE", receipt, signal);
    this.cancellations.add(receipt, view);
    return view;
  }

  /** Polls a status URL once. */
  async poll(url: string, etag: string | null, signal: AbortSignal): Promise<Poll> {
    const { env } = this.transport;
    const headers: Record<string, string> = etag !== null && !env.httpCache ? { "if-none-match": etag } : {};
    const sentAt = env.now();
    const received = await this.transport.send(url, { headers, ...this.#plain("no-cache") }, POLL_TIMEOUT, signal);
    if (received instanceof Error) {
      return { response: { kind: "unavailable", why: received.message }, sentAt, etag };
    }
    const response = pollResponse(received.response.status, received.text);
    if (response.kind === "object" && !isKnown(this.transport.clock)) {
      // `Date` is hidden here. At least nothing is written in the future.
      this.transport.observe(received, Date.parse(response.object.updated_at), Infinity);
    }
    return { response, sentAt, etag: response.kind === "object" ? received.response.headers.get("etag") : etag };
  }

  /**
   * Subscribes to an order's events, after `lastId` if that is given. `null` where that fails.
   * Never throws.
   */
  async subscribe(
    events: string,
    receipt: SavedReceipt,
    lastId: string | null,
    signal: AbortSignal,
  ): Promise<EventStream | null> {
    const { env } = this.transport;
    if (signal.aborted || (env.httpCache && this.#streams >= STREAMS_MAX)) {
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
    const timer = env.setTimeout(close, SUBSCRIBE_TIMEOUT);
    try {
      // In the query: a page that sent the token as a header would cause a preflight.
      const url = `${events}${events.includes("?") ? "&" : "?"}token=${encodeURIComponent(receipt.order_token)}`;
      const headers: Record<string, string> = lastId === null ? {} : { "last-event-id": lastId };
      const { response } = await this.transport.open(url, {
        headers,
        ...this.#plain("no-store"),
        signal: controller.signal,
      });
      const mediaType = response.headers.get("content-type") ?? "";
      if (response.status === 200 && response.body && mediaType.startsWith("text/event-stream")) {
        return new EventStream(response.body, env, close);
      }
      close();
    } catch {
      close();
    } finally {
      env.clearTimeout(timer);
    }
    return null;
  }

  /**
   * Begins to download a result, whose body is left to the caller. `null` if S3 refuses the URL.
   */
  async download(url: string, signal: AbortSignal | undefined): Promise<Response | null> {
    const inner = signal ?? new AbortController().signal;
    return this.transport.retry<Response | null>("result", inner, async () => {
      let response;
      try {
        response = await this.transport.env.fetch(url, { ...this.#plain("default"), ...(signal ? { signal } : {}) });
      } catch (e) {
        inner.throwIfAborted();
        return { failure: asError(e), waitMs: null };
      }
      if (response.ok) {
        return { value: response };
      }
      const { status } = response;
      await response.body?.cancel();
      if (status >= 500 || status === 429) {
        return { failure: new OffloadError(`S3 responds with ${status}`), waitMs: null };
      }
      return { value: null };
    });
  }

  async #order(request: RequestKind, method: string, receipt: SavedReceipt, signal: AbortSignal): Promise<StatusView> {
    const headers = { authorization: `Bearer ${receipt.order_token}` };
    const response = await this.#api(request, `/order/${encodeURIComponent(receipt.id)}`, { method, headers }, signal);
    return json<StatusView>(response, ["id", "status"]);
  }

  /**
   * One request to the api, until the response is other than "later". All of them are safe to
   * repeat.
   */
  #api(request: RequestKind, path: string, init: RequestInit, signal: AbortSignal): Promise<TextResponse> {
    return this.transport.retry<TextResponse>(request, signal, async () => {
      const received = await this.transport.send(this.#base + path, init, API_TIMEOUT, signal);
      if (received instanceof Error) {
        return { failure: received, waitMs: null };
      }
      const { response, text } = received;
      if (response.ok) {
        return { value: received };
      }
      const problem = problemOf(response.status, text, response.headers.get("x-request-id"));
      const header = response.headers.get("retry-after");
      if (!isRetryable(response.status, header)) {
        throw problem;
      }
      const now = Date.parse(response.headers.get("date") ?? "") || this.transport.env.now();
      return { failure: problem, waitMs: retryAfter(header, now) };
    });
  }

  /**
   * No cookies, and the given use of a browser's cache. Elsewhere `fetch` may not know these
   * members.
   */
  #plain(cache: RequestCache): RequestInit {
    return this.transport.env.httpCache ? { credentials: "omit", cache } : {};
  }
}

function json<T>({ response, text }: TextResponse, members: (keyof T & string)[]): T {
  try {
    const value = JSON.parse(text) as T | null;
    if (members.every((name) => typeof value?.[name] === "string")) {
      return value as T;
    }
  } catch {
    // Reported below.
  }
  throw new OffloadError(
    `the response (${response.status}) cannot be parsed: is it status-offload that answers there?`,
  );
}
