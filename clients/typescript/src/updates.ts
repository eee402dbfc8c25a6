/**
 * The status updates of one order: pushed where the service does so, and polled from S3 elsewhere.
 *
 * @module
 */

import { serviceTime } from "./clock.js";
import { isOffline } from "./environment.js";
import type { Http } from "./http.js";
import { type Plan, afterCancel, afterPoll, plan, untilPoll } from "./plan.js";
import { OffloadError, OffloadUnreachable } from "./problem.js";
import { Subscription } from "./push.js";
import { POLL_ATTEMPTS, POLL_BACKOFF, delay } from "./retry.js";
import { type PollResponse, statusObject } from "./s3.js";
import { jittered } from "./schedule.js";
import { sleep } from "./sleep.js";
import { StatusUrl } from "./status-url.js";
import type { FinalStatus, SavedReceipt, StatusObject, StatusView } from "./types.js";

/** Yields each newer status object; the last one is final. */
export async function* updates(
  http: Http,
  receipt: SavedReceipt,
  signal: AbortSignal,
): AsyncGenerator<StatusObject, FinalStatus> {
  const source = new UpdateSource(http, receipt, signal);
  try {
    for (;;) {
      const object = await source.next();
      if (object) {
        yield object;
        if (isFinal(object)) {
          return object;
        }
      }
    }
  } finally {
    source.close();
  }
}

/** Where the updates of one order come from. */
class UpdateSource {
  readonly #http: Http;
  readonly #receipt: SavedReceipt;
  readonly #signal: AbortSignal;
  /** The newest revision returned. */
  #revision = -1;
  /** `null` where the service does not push, and the schedule applies. */
  #subscription: Subscription | null;
  /** The event that is awaited. It outlasts a cancellation in between. */
  #event: Promise<string | null> | null = null;
  /** The api's response to a cancellation, not yet taken into account. */
  #cancelled: StatusView | null = null;
  /** Called when that comes. */
  #wake = () => {};
  readonly #unsubscribe: () => void;
  #plan: Plan;
  readonly #url: StatusUrl;
  #etag: string | null = null;
  /** Polls in a row that S3 did not respond to. */
  #failures = 0;

  constructor(http: Http, receipt: SavedReceipt, signal: AbortSignal) {
    [this.#http, this.#receipt, this.#signal] = [http, receipt, signal];
    const events = receipt.links?.events;
    this.#subscription = http.push && events ? new Subscription(http, receipt, events, signal) : null;
    this.#plan = plan(receipt, http.transport.clock, http.transport.env.now());
    this.#url = new StatusUrl(receipt);
    this.#unsubscribe = http.cancellations.subscribe(receipt, (view) => {
      this.#cancelled = view;
      this.#wake();
    });
  }

  /** Waits for one event or makes one poll. `null` if that brought nothing newer. */
  next(): Promise<StatusObject | null> {
    return this.#subscription ? this.#receive(this.#subscription) : this.#poll();
  }

  /** Closes connections, and removes listeners. */
  close(): void {
    this.#unsubscribe();
    this.#subscription?.close();
  }

  async #receive(subscription: Subscription): Promise<StatusObject | null> {
    this.#event ??= subscription.next();
    if (!this.#cancelled) {
      await Promise.race([this.#event, new Promise<void>((resolve) => (this.#wake = resolve))]);
      this.#signal.throwIfAborted();
    }
    if (this.#cancelled) {
      return this.#takeCancellation(this.#cancelled);
    }
    const data = await this.#event;
    this.#event = null;
    if (data === null) {
      this.#subscription = null;
      return null;
    }
    // The schedule would continue from here.
    return this.#take(statusObject(data), this.#http.transport.env.now());
  }

  /** Waits until the next poll is due, and polls until S3 responds. */
  async #poll(): Promise<StatusObject | null> {
    const { env, clock } = this.#http.transport;
    if (!this.#cancelled) {
      const wait = jittered(untilPoll(this.#plan, clock, env.now()), env.random());
      await sleep(wait, env, { signal: this.#signal, until: [[this.#http.cancellations.events, this.#receipt.id]] });
    }
    if (this.#cancelled) {
      return this.#takeCancellation(this.#cancelled);
    }
    const url = this.#url.get(this.#serviceTime());
    if (url === undefined) {
      // A page that may not read S3's errors could not distinguish an expired URL from a dead
      // network.
      return this.#renew();
    }
    const { response, sentAt } = await this.#pollUntilAvailable(url);
    if (response.kind === "refused") {
      if (this.#url.isHopeless(this.#serviceTime())) {
        throw new OffloadError(`S3 refuses even a fresh status URL: ${response.why}`);
      }
      return this.#renew();
    }
    this.#url.accepted();
    return this.#take(response.kind === "object" ? response.object : null, sentAt);
  }

  async #pollUntilAvailable(
    url: string,
  ): Promise<{ response: Exclude<PollResponse, { kind: "unavailable" }>; sentAt: number }> {
    const { transport } = this.#http;
    for (;;) {
      const { response, sentAt, etag, retryAfterMs } = await this.#http.poll(url, this.#etag, this.#signal);
      this.#etag = etag;
      if (response.kind !== "unavailable") {
        this.#failures = 0;
        return { response, sentAt };
      }
      // Without a network the failure says nothing about S3.
      this.#failures += isOffline() ? 0 : 1;
      if (this.#failures >= POLL_ATTEMPTS) {
        throw new OffloadUnreachable(`the status object cannot be read: ${response.why}`);
      }
      const failures = Math.max(1, this.#failures);
      const waitMs = Math.max(delay(POLL_BACKOFF, failures, transport.env.random()), retryAfterMs);
      await transport.backOff(
        { request: "poll", failures, waitMs, reason: new OffloadError(response.why) },
        this.#signal,
      );
    }
  }

  /** Gets the status and a fresh URL from the api. */
  async #renew(): Promise<StatusObject | null> {
    const sentAt = this.#http.transport.env.now();
    const view = await this.#http.status(this.#receipt, this.#signal);
    this.#url.renew(view, this.#serviceTime());
    return this.#take(view, sentAt);
  }

  #takeCancellation(view: StatusView): StatusObject | null {
    const { env, clock } = this.#http.transport;
    this.#cancelled = null;
    this.#url.renew(view, this.#serviceTime());
    this.#plan = afterCancel(this.#plan, clock, env.now());
    return this.#newer(view);
  }

  /**
   * Updates the schedule after a request that was sent at `sentAt`: its response may have waited
   * for a page to be thawed, and be old. `null` if it brought nothing newer.
   */
  #take(object: StatusObject | null, sentAt: number): StatusObject | null {
    const newer = this.#newer(object);
    this.#plan = afterPoll(this.#plan, newer, this.#http.transport.clock, sentAt);
    return newer;
  }

  #newer(object: StatusObject | null): StatusObject | null {
    if (!object || object.revision <= this.#revision) {
      return null;
    }
    this.#revision = object.revision;
    return object;
  }

  #serviceTime(): number {
    return serviceTime(this.#http.transport.clock, this.#http.transport.env.now());
  }
}

function isFinal(object: StatusObject): object is FinalStatus {
  return object.done;
}
