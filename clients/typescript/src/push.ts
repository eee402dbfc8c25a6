/**
 * The subscription to one order's server-sent events.
 *
 * @module
 */

import type { EventStream } from "./events.js";
import type { Http } from "./http.js";
import { RESUBSCRIBE_BACKOFF, SUBSCRIBE_ATTEMPTS, delay } from "./retry.js";
import { sleep } from "./sleep.js";
import type { SavedReceipt } from "./types.js";

/** A subscription, which is resumed once if it breaks off. */
export class Subscription {
  readonly #http: Http;
  readonly #receipt: SavedReceipt;
  readonly #url: string;
  readonly #signal: AbortSignal;
  #attempts = 0;
  #stream: EventStream | null = null;
  /** The last event received, to resume after it. */
  #lastId: string | null = null;

  constructor(http: Http, receipt: SavedReceipt, url: string, signal: AbortSignal) {
    [this.#http, this.#receipt, this.#url, this.#signal] = [http, receipt, url, signal];
  }

  /** The data of the next event; `null` if the service pushes no more. Never throws. */
  async next(): Promise<string | null> {
    for (;;) {
      const event = await this.#stream?.next();
      if (event) {
        this.#lastId = event.id ?? this.#lastId;
        return event.data;
      }
      this.close();
      if (this.#attempts === SUBSCRIBE_ATTEMPTS) {
        return null;
      }
      if (this.#attempts > 0) {
        const { env } = this.#http.transport;
        // A server that stops has many subscribers: they should not all reconnect at once.
        await sleep(delay(RESUBSCRIBE_BACKOFF, 1, env.random()), env, { signal: this.#signal }).catch(() => {});
      }
      this.#attempts += 1;
      this.#stream = await this.#http.subscribe(this.#url, this.#receipt, this.#lastId, this.#signal);
      if (!this.#stream) {
        return null;
      }
    }
  }

  /** Closes the connection. */
  close(): void {
    this.#stream?.close();
    this.#stream = null;
  }
}
