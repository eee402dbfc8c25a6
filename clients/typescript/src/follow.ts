/**
 * Follows one order to its end, by looking at its status object as seldom as its schedule allows.
 *
 * @module
 */

import { serviceTime } from "./clock.js";
import { isOffline } from "./environment.js";
import type { Http } from "./http.js";
import { pause } from "./pause.js";
import { afterLook, begin, untilLook } from "./plan.js";
import { OffloadError, OffloadUnreachable } from "./problem.js";
import { LOOK_BACKOFF, UNANSWERED_MAX, delay } from "./retry.js";
import { jittered } from "./schedule.js";
import type { FinalStatus, SavedReceipt, StatusObject } from "./types.js";

/** Yields each newer status object; the last one is final. */
export async function* follow(http: Http, receipt: SavedReceipt, signal: AbortSignal): AsyncGenerator<StatusObject, FinalStatus> {
  const { env } = http;
  let plan = begin(receipt, http.clock, env.now());
  let url = receipt.status_url;
  let expiresAt = Date.parse(receipt.status_url_expires_at ?? "");
  let etag: string | null = null;
  let revision = -1;
  // Whether the URL was renewed since S3 last took it, and whether it worked when it came.
  let renewed = false;
  let live = true;
  let unanswered = 0;
  // When the last question was asked: its answer may have waited for a page to be thawed, and be old.
  let askedAt = env.now();

  const renew = async (): Promise<StatusObject> => {
    askedAt = env.now();
    const view = await http.status(receipt, signal);
    renewed = true;
    url = view.status_url;
    expiresAt = Date.parse(view.status_url_expires_at);
    live = !(serviceTime(http.clock, env.now()) >= expiresAt);
    return view;
  };
  // Looks may be further apart than a URL lives. One that came dead is tried all the same: then the clocks are wrong.
  const expired = () => live && serviceTime(http.clock, env.now()) >= expiresAt;

  for (;;) {
    let object: StatusObject | null = null;
    if (url === undefined) {
      object = await renew();
    } else {
      await pause(jittered(untilLook(plan, http.clock, env.now()), env.random()), env, { signal });
      if (expired()) {
        // Not asked of S3: a page that may not read S3's errors could not tell this one from a dead network.
        object = await renew();
      } else {
        const found = await look(url);
        if (found.kind === "refused") {
          if (renewed && !expired()) {
            throw new OffloadError(`the status object cannot be read by a fresh URL either: ${found.why}`);
          }
          object = await renew();
        } else {
          object = found.kind === "object" ? found.object : null;
          renewed = false;
        }
      }
    }
    const news = object !== null && object.revision > revision ? object : null;
    plan = afterLook(plan, news, http.clock, askedAt);
    if (news) {
      revision = news.revision;
      yield news;
      if (isFinal(news)) {
        return news;
      }
    }
  }

  /** A look that S3 answers. */
  async function look(at: string) {
    for (;;) {
      const looked = await http.look(at, etag, signal);
      [etag, askedAt] = [looked.etag, looked.at];
      const found = looked.look;
      if (found.kind !== "unavailable") {
        unanswered = 0;
        return found;
      }
      // Who knows that there is no network need not conclude anything from it.
      unanswered += isOffline() ? 0 : 1;
      if (unanswered >= UNANSWERED_MAX) {
        throw new OffloadUnreachable(`the status object cannot be read: ${found.why}`);
      }
      const failures = Math.max(1, unanswered);
      const waitMs = delay(LOOK_BACKOFF, failures, env.random());
      await http.backOff({ request: "look", failures, waitMs, reason: new OffloadError(found.why) }, signal);
    }
  }
}

function isFinal(object: StatusObject): object is FinalStatus {
  return object.done;
}
