/**
 * The client.
 *
 * @module
 */

import { Call, type CallOptions, withLimits } from "./call.js";
import { Credentials } from "./credentials.js";
import { type EnvironmentOptions, environment } from "./environment.js";
import { Http } from "./http.js";
import { newIdempotencyKey } from "./key.js";
import { OffloadError, OffloadProblem } from "./problem.js";
import type { Retry } from "./retry.js";
import { Transport } from "./transport.js";
import type {
  BatchReceipt,
  FinalStatus,
  OrderOptions,
  Receipt,
  SavedReceipt,
  StatusObject,
  StatusView,
} from "./types.js";
import { updates } from "./updates.js";

/** The options of an {@link OffloadClient}. */
export interface OffloadClientOptions extends EnvironmentOptions {
  /** Where the api is, such as `https://api.example.com`. In a page it may be relative. */
  readonly api: string | URL;
  /**
   * Whether to subscribe to status updates where the service pushes them (server-sent events);
   * `true` by default. Otherwise the status object is polled by the schedule.
   */
  readonly push?: boolean;
  /** An API key, or any token that does not change. It is sent to the api and never to S3. */
  readonly key?: string;
  /**
   * Gives a token for the api, such as an access token, in place of `key`. It is asked before the
   * first request, and again when the api answers 401.
   */
  readonly credentials?: () => string | Promise<string>;
  /** Called with each failure that is retried, before the wait. */
  readonly onRetry?: (retry: Retry) => void;
}

/** The options of {@link OffloadClient.submit}. */
export interface SubmitOptions extends CallOptions {
  /**
   * The same key gives the same order. By default a new key is made for each call. Give one that
   * outlives the program, if the order must not be submitted twice even then.
   */
  readonly idempotencyKey?: string | undefined;
  /** The options of the order: when it may start and must end, its labels and the like. */
  readonly options?: OrderOptions | undefined;
}

/** The options of {@link OffloadClient.wait}. */
export interface WaitOptions extends CallOptions {
  /** Called with each newer status object, the final one among them. */
  readonly onUpdate?: ((status: StatusObject) => void) | undefined;
}

/** The options of {@link OffloadClient.result}. */
export interface ResultOptions {
  /**
   * The receipt of the order: needed to renew the URL, unless this client has waited for the order.
   */
  readonly receipt?: SavedReceipt | undefined;
  /** Ends the download, also of the body. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Submits orders to one status-offload service and waits for them.
 *
 * It holds no state that matters: a {@link Receipt} is all that is needed after a restart, with any
 * client.
 */
export class OffloadClient {
  readonly #http: Http;
  /** The receipts with which the URLs of results can be renewed. */
  readonly #receipts = new WeakMap<StatusObject, SavedReceipt>();

  /** A client of the api at `options.api`. Sends nothing yet. */
  constructor(options: OffloadClientOptions) {
    const transport = new Transport(environment(options), options.onRetry ?? (() => {}));
    const { key } = options;
    const source = options.credentials ?? (key === undefined ? null : () => key);
    this.#http = new Http(options.api, transport, options.push ?? true, new Credentials(source));
  }

  /**
   * Submits an order. Retries while the service does not respond or asks to try again later, always
   * with the same idempotency key, so that it is one order.
   *
   * @throws {@link OffloadProblem} if the order is refused; {@link OffloadUnreachable};
   * {@link OffloadTimeout}.
   */
  submit(
    order: object,
    { idempotencyKey = newIdempotencyKey(), options, ...call }: SubmitOptions = {},
  ): Promise<Receipt> {
    const body = JSON.stringify(options === undefined ? order : { ...order, options });
    return this.#withLimits(call, (signal) => this.#http.submit(body, idempotencyKey, signal));
  }

  /**
   * Submits up to 1,000 orders at once, each of which gets its own result. Its `group` is a receipt
   * that can be waited for like that of an order; the status has the counts of all. Retries as
   * {@link OffloadClient.submit} does.
   *
   * @throws {@link OffloadProblem} if the batch is refused as a whole; {@link OffloadUnreachable};
   * {@link OffloadTimeout}.
   */
  submitAll(
    orders: readonly object[],
    { idempotencyKey = newIdempotencyKey(), ...call }: Omit<SubmitOptions, "options"> = {},
  ): Promise<BatchReceipt> {
    const body = JSON.stringify(orders);
    return this.#withLimits(call, (signal) => this.#http.submitAll(body, idempotencyKey, signal));
  }

  /**
   * Waits for the final status of an order: `completed`, `failed` or `cancelled`.
   *
   * @param receipt - From {@link OffloadClient.submit}, now or last week.
   * @throws {@link OffloadProblem} if the api does not know the order or its token;
   * {@link OffloadUnreachable} if S3 does not respond for about a minute; {@link OffloadTimeout};
   * {@link OffloadError} if S3 refuses even a fresh URL.
   */
  async wait(receipt: SavedReceipt, { onUpdate, ...call }: WaitOptions = {}): Promise<FinalStatus> {
    const updates = this.updates(receipt, call);
    for (;;) {
      const { done, value } = await updates.next();
      if (done) {
        return value;
      }
      onUpdate?.(value);
    }
  }

  /**
   * The status updates of an order, each newer than the one before; the last one is final. Requests
   * are sent only while the caller asks for more.
   *
   * @throws As {@link OffloadClient.wait}.
   */
  async *updates(receipt: SavedReceipt, options: CallOptions = {}): AsyncGenerator<StatusObject, FinalStatus, void> {
    const call = new Call(options, this.#http.transport.env);
    const source = updates(this.#http, receipt, call.signal);
    try {
      for (;;) {
        const { done, value } = await source.next();
        if (done) {
          return value;
        }
        this.#receipts.set(value, receipt);
        yield value;
      }
    } finally {
      call.close();
      // A caller that stops in the middle leaves it there.
      await source.return(undefined as never);
    }
  }

  /**
   * The status of an order as the api reports it, with fresh URLs. To be called once;
   * {@link OffloadClient.wait} costs the service less.
   */
  async status(receipt: SavedReceipt, options: CallOptions = {}): Promise<StatusView> {
    const view = await this.#withLimits(options, (signal) => this.#http.status(receipt, signal));
    this.#receipts.set(view, receipt);
    return view;
  }

  /**
   * Requests the cancellation of an order. One that is in work ends within seconds. Callers that
   * {@link OffloadClient.wait} for it with this client are notified.
   *
   * @throws {@link OffloadProblem} with the slug `order-already-ended` if the order is completed or
   * failed.
   */
  cancel(receipt: SavedReceipt, options: CallOptions = {}): Promise<StatusView> {
    return this.#withLimits(options, (signal) => this.#http.cancel(receipt, signal));
  }

  /**
   * The result of a completed order, as a `Response`: read it with `json()`, `text()`, `blob()` or
   * as a stream, whatever its size. A small one is in `final.result` as well, and takes no request.
   *
   * @throws {@link OffloadProblem} if the order failed; {@link OffloadError} if it has no result,
   * or its URL cannot be renewed.
   */
  async result(final: StatusObject, { receipt, signal }: ResultOptions = {}): Promise<Response> {
    signal?.throwIfAborted();
    if (final.status !== "completed") {
      throw final.error ? new OffloadProblem(final.error) : new OffloadError(`a ${final.status} order has no result`);
    }
    if (!final.result_url) {
      return Response.json(final.result ?? null);
    }
    const response = await this.#http.download(final.result_url, signal);
    if (response) {
      return response;
    }
    const owner = receipt ?? this.#receipts.get(final);
    if (!owner) {
      throw new OffloadError("S3 refuses the URL of the result, and without the receipt it cannot be renewed");
    }
    const { result_url: fresh } = await this.status(owner, { signal });
    const second = fresh ? await this.#http.download(fresh, signal) : null;
    if (!second) {
      throw new OffloadError("the result cannot be read: S3 refuses even a fresh URL");
    }
    return second;
  }

  #withLimits<T>(options: CallOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withLimits(options, this.#http.transport.env, work);
  }
}
