/**
 * Requests: to the api, which gets the token, and to S3, which never does.
 *
 * @module
 */

import { Cancellations } from "./cancellations.js";
import { isKnown } from "./clock.js";
import type { Credentials } from "./credentials.js";
import { EventStream } from "./events.js";
import { OffloadError, problemOf } from "./problem.js";
import { type RequestKind, isRetryable, retryAfter } from "./retry.js";
import { type PollResponse, pollResponse } from "./s3.js";
import { type TextResponse, type Transport, asError } from "./transport.js";
import type { BatchReceipt, Receipt, SavedReceipt, StatusView } from "./types.js";

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
  /** How long the server, or a cache before it, asks to wait, in milliseconds. */
  readonly retryAfterMs: number;
}

/** One api, and S3 by presigned URLs. */
export class Http {
  readonly transport: Transport;
  /** Whether to subscribe to status updates where the service pushes them. */
  readonly push: boolean;
  /** What {@link Http.cancel} has requested. */
  readonly cancellations = new Cancellations();
  readonly #base: string;
  readonly #credentials: Credentials;
  /** Streams that are open. */
  #streams = 0;

  constructor(api: string | URL, transport: Transport, push: boolean, credentials: Credentials) {
    const url = new URL(api, typeof location === "undefined" ? undefined : location.href);
    this.#base = url.origin + url.pathname.replace(/\/+$/, "");
    [this.transport, this.push, this.#credentials] = [transport, push, credentials];
  }

  /** `POST /order`. */
  async submit(body: string, key: string, signal: AbortSignal): Promise<Receipt> {
    const headers = { "content-type": "application/json", "idempotency-key": keyHeader(key) };
    const response = await this.#api("submit", "/order", { method: "POST", headers, body }, null, signal);
    const receipt = json<Receipt>(response, ["id", "order_token"]);
    // 0 may mean any time in the past.
    if (receipt.eta?.seconds > 0) {
      // This is more exact than `Date`, which may be hidden: it is rounded to a tenth of a second.
      const written = Date.parse(receipt.eta.at) - receipt.eta.seconds * 1_000;
      this.transport.observe(response, written - 50, written + 50);
    }
    return receipt;
  }

  /** `POST /orders`. */
  async submitAll(body: string, key: string, signal: AbortSignal): Promise<BatchReceipt> {
    const headers = { "content-type": "application/json", "idempotency-key": keyHeader(key) };
    const response = await this.#api("submit", "/orders", { method: "POST", headers, body }, null, signal);
    return json<BatchReceipt>(response, [], (batch) => Array.isArray(batch?.orders));
  }

  /** `GET /order/{id}`, or `GET /group/{id}`. */
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
      return { response: { kind: "unavailable", why: received.message }, sentAt, etag, retryAfterMs: 0 };
    }
    const response = pollResponse(received.response.status, received.text);
    if (response.kind === "object" && !isKnown(this.transport.clock)) {
      // `Date` is hidden here. At least nothing is written in the future.
      this.transport.observe(received, Date.parse(response.object.updated_at), Infinity);
    }
    const { headers: own } = received.response;
    const retryAfterMs = retryAfter(own.get("retry-after"), env.now()) ?? 0;
    return { response, sentAt, etag: response.kind === "object" ? own.get("etag") : etag, retryAfterMs };
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
      // In the query: a page that sent the token as a header would cause a preflight. A URL ends up
      // in logs, so it gets the token that can only read, if there is one.
      const token = receipt.read_token ?? receipt.order_token;
      const url = `${events}${events.includes("?") ? "&" : "?"}token=${encodeURIComponent(token)}`;
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
    const path = `/${isOfGroup(receipt) ? "group" : "order"}/${encodeURIComponent(receipt.id)}`;
    const response = await this.#api(request, path, { method }, receipt.order_token, signal);
    return json<StatusView>(response, ["id", "status"]);
  }

  /**
   * One request to the api, until the response is other than "later". All of them are safe to
   * repeat.
   */
  async #api(
    request: RequestKind,
    path: string,
    init: RequestInit,
    token: string | null,
    signal: AbortSignal,
  ): Promise<TextResponse> {
    const url = this.#base + path;
    let caller = await this.#credentials.get();
    return this.transport.retry<TextResponse>(request, signal, async () => {
      let received = await this.transport.send(url, authorized(init, caller, token), API_TIMEOUT, signal);
      if (caller !== null && !(received instanceof Error) && received.response.status === 401) {
        // A token may have expired on its way.
        const before = caller;
        caller = await this.#credentials.get(before);
        if (caller !== before) {
          received = await this.transport.send(url, authorized(init, caller, token), API_TIMEOUT, signal);
        }
      }
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

/**
 * The request with what the api is to know: who calls, and the order's token, which has a header of
 * its own where `Authorization` is the caller's.
 */
function authorized(init: RequestInit, caller: string | null, token: string | null): RequestInit {
  const headers = { ...(init.headers as Record<string, string> | undefined) };
  const bearer = caller ?? token;
  if (bearer !== null) {
    headers["authorization"] = `Bearer ${bearer}`;
  }
  if (caller !== null && token !== null) {
    headers["offload-token"] = token;
  }
  return { ...init, headers };
}

function json<T>(
  { response, text }: TextResponse,
  members: (keyof T & string)[],
  valid: (value: T | null) => boolean = () => true,
): T {
  try {
    const value = JSON.parse(text) as T | null;
    if (members.every((name) => typeof value?.[name] === "string") && valid(value)) {
      return value as T;
    }
  } catch {
    // Reported below.
  }
  throw new OffloadError(
    `the response (${response.status}) cannot be parsed: is it status-offload that answers there?`,
  );
}

/**
 * The header of an idempotency key: as it is, or as a string (RFC 9651 §3.3.3) where it has what a
 * bare one may not have. Both are the same key.
 */
export function keyHeader(key: string): string {
  return /[ "\\]/.test(key) ? `"${key.replace(/["\\]/g, "\\$&")}"` : key;
}

/** Whether a receipt is of a group, which its link says. */
function isOfGroup({ links }: SavedReceipt): boolean {
  return links?.self.split("/").at(-2) === "group";
}
