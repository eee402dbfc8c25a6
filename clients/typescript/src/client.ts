/**
 * The client.
 *
 * @module
 */

import { type Surroundings, environment } from "./environment.js";
import { follow } from "./follow.js";
import { Http, type Retry } from "./http.js";
import { newKey } from "./key.js";
import { type Limits, Scope, limited } from "./pause.js";
import { OffloadError, OffloadProblem } from "./problem.js";
import type { FinalStatus, OrderOptions, Receipt, SavedReceipt, StatusObject, StatusView } from "./types.js";

/** How an {@link OffloadClient} is made. */
export interface OffloadClientOptions extends Surroundings {
  /** Where the api is, such as `https://api.example.com`. In a page it may be relative. */
  readonly api: string | URL;
  /**
   * Whether to listen for changes where the service tells of them (server-sent events); `true` by default. Without, orders are followed by
   * looks at S3 alone, by the schedule.
   */
  readonly push?: boolean;
  /** Told of each failure that is tried again, before the wait. */
  readonly onRetry?: (retry: Retry) => void;
}

/** How {@link OffloadClient.submit} places an order. */
export interface SubmitOptions extends Limits {
  /**
   * The same key gives the same order. Made once for each call by default; give one that outlives the program, if the order must not be
   * placed twice even then.
   */
  readonly idempotencyKey?: string | undefined;
  /** What is not the order: when it may start and must end. */
  readonly options?: OrderOptions | undefined;
}

/** How {@link OffloadClient.wait} waits. */
export interface WaitOptions extends Limits {
  /** Called with each newer status object, the final one among them. */
  readonly onUpdate?: ((status: StatusObject) => void) | undefined;
}

/** How {@link OffloadClient.result} fetches. */
export interface ResultOptions {
  /** Whose result it is: needed to renew its URL if this client did not itself wait for it. */
  readonly receipt?: SavedReceipt | undefined;
  /** Ends the download, also of the body. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Places orders with a status-offload service and follows them.
 *
 * It has no state that matters: a {@link Receipt} is all that is needed to go on after a restart, with any client.
 */
export class OffloadClient {
  readonly #http: Http;
  /** By whose token the URL of a result can be renewed. */
  readonly #receipts = new WeakMap<StatusObject, SavedReceipt>();

  /** A client of the api at `options.api`. Sends nothing yet. */
  constructor(options: OffloadClientOptions) {
    this.#http = new Http(options.api, environment(options), options.onRetry ?? (() => {}), options.push ?? true);
  }

  /**
   * Places an order. Tries again while the service does not answer or asks for patience, always with the same key, so that it is one order.
   *
   * @throws {@link OffloadProblem} if the order is refused; {@link OffloadUnreachable}; {@link OffloadTimeout}.
   */
  submit(order: object, { idempotencyKey = newKey(), options, ...limits }: SubmitOptions = {}): Promise<Receipt> {
    const body = JSON.stringify(options === undefined ? order : { ...order, options });
    return limited(limits, this.#http.env, (signal) => this.#http.submit(body, idempotencyKey, signal));
  }

  /**
   * Waits for the end of an order: `completed`, `failed` or `cancelled`.
   *
   * @param receipt - From {@link OffloadClient.submit}, of now or of last week.
   * @throws {@link OffloadProblem} if the api does not know the order or its token; {@link OffloadUnreachable} if S3 does not answer for about a
   * minute; {@link OffloadTimeout}; {@link OffloadError} if even a fresh status URL is refused.
   */
  async wait(receipt: SavedReceipt, { onUpdate, ...limits }: WaitOptions = {}): Promise<FinalStatus> {
    const updates = this.updates(receipt, limits);
    for (;;) {
      const { done, value } = await updates.next();
      if (done) {
        return value;
      }
      onUpdate?.(value);
    }
  }

  /**
   * The status objects of an order, each newer than the one before; the last one is final. Looks only while the caller asks for more.
   *
   * @throws As {@link OffloadClient.wait}.
   */
  async *updates(receipt: SavedReceipt, limits: Limits = {}): AsyncGenerator<StatusObject, FinalStatus, void> {
    const scope = new Scope(limits, this.#http.env);
    const news = follow(this.#http, receipt, scope.signal);
    try {
      for (;;) {
        const { done, value } = await news.next();
        if (done) {
          return value;
        }
        this.#receipts.set(value, receipt);
        yield value;
      }
    } finally {
      scope.close();
      // A caller that stops in the middle leaves it there.
      await news.return(undefined as never);
    }
  }

  /** What the api itself says of an order, with fresh URLs. For one look; {@link OffloadClient.wait} costs the service less. */
  async status(receipt: SavedReceipt, limits: Limits = {}): Promise<StatusView> {
    const view = await limited(limits, this.#http.env, (signal) => this.#http.status(receipt, signal));
    this.#receipts.set(view, receipt);
    return view;
  }

  /**
   * Asks for an order to be cancelled. One that is being worked on ends within seconds: {@link OffloadClient.wait} tells how, and looks soon.
   *
   * @throws {@link OffloadProblem} with the slug `order-already-ended` if it is completed or failed.
   */
  cancel(receipt: SavedReceipt, limits: Limits = {}): Promise<StatusView> {
    return limited(limits, this.#http.env, (signal) => this.#http.cancel(receipt, signal));
  }

  /**
   * The result of a completed order, as a `Response`: read it with `json()`, `text()`, `blob()` or as a stream, whatever its size. A small
   * one is in `final.result` as well, and costs no request.
   *
   * @throws {@link OffloadProblem} if the order failed; {@link OffloadError} if it has no result, or its URL cannot be renewed.
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
      throw new OffloadError("the result's URL works no longer, and without the receipt it cannot be renewed");
    }
    const { result_url: fresh } = await this.status(owner, { signal });
    const second = fresh ? await this.#http.download(fresh, signal) : null;
    if (!second) {
      throw new OffloadError("the result cannot be read by a fresh URL either");
    }
    return second;
  }
}
