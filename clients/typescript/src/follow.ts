/**
 * Follows one order to its end, by looking at its status object as seldom as its schedule allows.
 *
 * @module
 */

import { serviceTime } from "./clock.js";
import { isOffline } from "./environment.js";
import type { EventStream, ServerSentEvent } from "./events.js";
import type { Http } from "./http.js";
import { type Look, statusObject } from "./look.js";
import { pause } from "./pause.js";
import { type Plan, afterLook, begin, hurry, untilLook } from "./plan.js";
import { OffloadError, OffloadUnreachable } from "./problem.js";
import { LISTEN_BACKOFF, LISTEN_TRIES, LOOK_BACKOFF, UNANSWERED_MAX, delay } from "./retry.js";
import { jittered } from "./schedule.js";
import type { FinalStatus, SavedReceipt, StatusObject, StatusView } from "./types.js";

/** Yields each newer status object; the last one is final. */
export async function* follow(http: Http, receipt: SavedReceipt, signal: AbortSignal): AsyncGenerator<StatusObject, FinalStatus> {
  const following = new Following(http, receipt, signal);
  try {
    for (let revision = -1; ; ) {
      const object = await following.next(revision);
      if (object) {
        revision = object.revision;
        yield object;
        if (isFinal(object)) {
          return object;
        }
      }
    }
  } finally {
    following.end();
  }
}

/** One order, one wait. */
class Following {
  readonly #http: Http;
  readonly #receipt: SavedReceipt;
  readonly #signal: AbortSignal;
  #plan: Plan;
  #url: string | undefined;
  #expiresAt: number;
  /** Whether the URL worked when it came, as far as its expiry tells. */
  #live = true;
  /** Whether the URL was renewed since S3 last took one. */
  #renewed = false;
  #etag: string | null = null;
  /** Looks in a row that S3 did not answer. */
  #unanswered = 0;
  /** The api's answer to a cancellation, not yet told. */
  #cancelled: StatusView | null = null;
  /** Called when that comes. */
  #wake = () => {};
  /** Where the service tells of changes by itself, and how often that is worth a try; `null` where the schedule holds. */
  #push: { readonly url: string; tries: number } | null = null;
  #stream: EventStream | null = null;
  /** What is listened for. It outlasts a cancellation that is told in between. */
  #coming: Promise<ServerSentEvent | null> | null = null;
  /** The last event that was heard, to go on after it. */
  #lastId: string | null = null;
  /** Stops listening. */
  readonly end: () => void;

  constructor(http: Http, receipt: SavedReceipt, signal: AbortSignal) {
    [this.#http, this.#receipt, this.#signal] = [http, receipt, signal];
    this.#plan = begin(receipt, http.clock, http.env.now());
    this.#url = receipt.status_url;
    this.#expiresAt = Date.parse(receipt.status_url_expires_at ?? "");
    const unlisten = http.cancellations.listen(receipt, (view) => {
      this.#cancelled = view;
      this.#wake();
    });
    this.end = () => {
      unlisten();
      this.#stream?.close();
    };
    const events = receipt.links?.events;
    this.#push = http.push && events ? { url: events, tries: LISTEN_TRIES } : null;
  }

  /** Waits until it is time, and looks. `null` if there is nothing newer than `revision`. */
  async next(revision: number): Promise<StatusObject | null> {
    const { env, clock } = this.#http;
    if (this.#push) {
      return this.#hear(this.#push, revision);
    }
    if (this.#url === undefined) {
      return this.#learn(await this.#renew(), env.now(), revision);
    }
    if (!this.#cancelled) {
      const wait = jittered(untilLook(this.#plan, clock, env.now()), env.random());
      await pause(wait, env, { signal: this.#signal, until: [[this.#http.cancellations.events, this.#receipt.id]] });
    }
    if (this.#cancelled) {
      return this.#hearOfCancellation(this.#cancelled, revision);
    }
    if (this.#hasExpired()) {
      // S3 is not asked: a page that may not read S3's errors could not tell its answer from a dead network.
      return this.#learn(await this.#renew(), env.now(), revision);
    }
    const { look, at } = await this.#look(this.#url);
    if (look.kind === "refused") {
      if (this.#renewed && !this.#hasExpired()) {
        throw new OffloadError(`the status object cannot be read by a fresh URL either: ${look.why}`);
      }
      return this.#learn(await this.#renew(), env.now(), revision);
    }
    this.#renewed = false;
    return this.#learn(look.kind === "object" ? look.object : null, at, revision);
  }

  /** Hears one change that the service tells of; or notes that it does not, whereupon the schedule holds. */
  async #hear(push: { readonly url: string; tries: number }, revision: number): Promise<StatusObject | null> {
    this.#coming ??= this.#event(push);
    if (!this.#cancelled) {
      await Promise.race([this.#coming, new Promise<void>((resolve) => (this.#wake = resolve))]);
      this.#signal.throwIfAborted();
    }
    if (this.#cancelled) {
      return this.#hearOfCancellation(this.#cancelled, revision);
    }
    const event = await this.#coming;
    this.#coming = null;
    if (!event) {
      // It broke off: once more, from where it was.
      this.#push = this.#stream && push.tries > 0 ? push : null;
      this.#stream?.close();
      this.#stream = null;
      return null;
    }
    this.#lastId = event.id ?? this.#lastId;
    // The schedule would go on from here.
    return this.#learn(statusObject(event.data), this.#http.env.now(), revision);
  }

  /** The next event, of a stream that is opened if none is; `null` if there is none. Never throws. */
  async #event(push: { readonly url: string; tries: number }): Promise<ServerSentEvent | null> {
    if (!this.#stream) {
      if (push.tries < LISTEN_TRIES) {
        const { env } = this.#http;
        // A server that ends has many listeners: they should not all come to the next one at once.
        await pause(delay(LISTEN_BACKOFF, 1, env.random()), env, { signal: this.#signal }).catch(() => {});
      }
      push.tries -= 1;
      this.#stream = await this.#http.listen(push.url, this.#receipt, this.#lastId, this.#signal);
    }
    return this.#stream?.next() ?? null;
  }

  #hearOfCancellation(view: StatusView, revision: number): StatusObject | null {
    this.#cancelled = null;
    this.#adopt(view);
    this.#plan = hurry(this.#plan, this.#http.clock, this.#http.env.now());
    return view.revision > revision ? view : null;
  }

  /** Plans on, after a look that was begun at `at`: an answer may have waited for a page to be thawed, and be old. */
  #learn(object: StatusObject | null, at: number, revision: number): StatusObject | null {
    const news = object && object.revision > revision ? object : null;
    this.#plan = afterLook(this.#plan, news, this.#http.clock, at);
    return news;
  }

  async #renew(): Promise<StatusView> {
    const view = await this.#http.status(this.#receipt, this.#signal);
    this.#renewed = true;
    this.#adopt(view);
    return view;
  }

  #adopt(view: StatusView): void {
    this.#url = view.status_url;
    this.#expiresAt = Date.parse(view.status_url_expires_at);
    this.#live = true;
    this.#live = !this.#hasExpired();
  }

  /** Looks may be further apart than a URL lives. One that came dead is tried all the same: then the clocks are wrong. */
  #hasExpired(): boolean {
    return this.#live && serviceTime(this.#http.clock, this.#http.env.now()) >= this.#expiresAt;
  }

  /** A look that S3 answers, and when it was begun. */
  async #look(url: string): Promise<{ look: Exclude<Look, { kind: "unavailable" }>; at: number }> {
    const { env } = this.#http;
    for (;;) {
      const { look, at, etag } = await this.#http.look(url, this.#etag, this.#signal);
      this.#etag = etag;
      if (look.kind !== "unavailable") {
        this.#unanswered = 0;
        return { look, at };
      }
      // Who knows that there is no network need not conclude anything from it.
      this.#unanswered += isOffline() ? 0 : 1;
      if (this.#unanswered >= UNANSWERED_MAX) {
        throw new OffloadUnreachable(`the status object cannot be read: ${look.why}`);
      }
      const failures = Math.max(1, this.#unanswered);
      const waitMs = delay(LOOK_BACKOFF, failures, env.random());
      await this.#http.backOff({ request: "look", failures, waitMs, reason: new OffloadError(look.why) }, this.#signal);
    }
  }
}

function isFinal(object: StatusObject): object is FinalStatus {
  return object.done;
}
