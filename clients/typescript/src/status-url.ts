/**
 * The presigned URL of a status object, for as long as it works. Pure.
 *
 * @module
 */

import type { SavedReceipt, StatusView } from "./types.js";

/** The current URL. `now` is the service's time, in milliseconds since 1970. */
export class StatusUrl {
  #url: string | undefined;
  /** `NaN` if that is unknown. */
  #expiresAt: number;
  /**
   * Whether the expiry can be trusted. A URL that came expired is tried: then the clocks are wrong.
   */
  #trusted = true;
  /** Whether it was renewed, and S3 has not accepted it yet. */
  #unproven = false;

  constructor(receipt: SavedReceipt) {
    this.#url = receipt.status_url;
    this.#expiresAt = Date.parse(receipt.status_url_expires_at ?? "");
  }

  /** Takes the fresh URL of a view that came at `now`. */
  renew(view: StatusView, now: number): void {
    this.#url = view.status_url;
    this.#expiresAt = Date.parse(view.status_url_expires_at);
    this.#trusted = !(now >= this.#expiresAt);
    this.#unproven = true;
  }

  /**
   * The URL; `undefined` if there is none, or it has expired at `now`: polls may be further apart
   * than a URL lives.
   */
  get(now: number): string | undefined {
    return this.#trusted && now >= this.#expiresAt ? undefined : this.#url;
  }

  /** Notes that S3 has accepted the URL. */
  accepted(): void {
    this.#unproven = false;
  }

  /**
   * Whether another fresh URL would be refused as well: S3 has accepted none since the last
   * renewal, and the current one has not expired.
   */
  isHopeless(now: number): boolean {
    return this.#unproven && this.get(now) !== undefined;
  }
}
