/**
 * Cancellations that this client has requested. Callers that wait for the order are notified at
 * once, and need not sit out a schedule that was made for the whole work.
 *
 * @module
 */

import type { SavedReceipt, StatusView } from "./types.js";

/** The api's response to a cancellation. Its type is the order's id. */
class Cancelled extends Event {
  constructor(
    id: string,
    readonly view: StatusView,
  ) {
    super(id);
  }
}

/** The cancellations of one client. */
export class Cancellations {
  /** For callers that wait later: forgotten together with the receipt. */
  readonly #views = new WeakMap<SavedReceipt, StatusView>();
  /** For callers that wait now, perhaps with another copy of the receipt. */
  readonly events = new EventTarget();

  /** Remembers a response. */
  add(receipt: SavedReceipt, view: StatusView): void {
    this.#views.set(receipt, view);
    this.events.dispatchEvent(new Cancelled(receipt.id, view));
  }

  /**
   * Calls `callback` with an earlier response and each new one, until the returned function is
   * called.
   */
  subscribe(receipt: SavedReceipt, callback: (view: StatusView) => void): () => void {
    const earlier = this.#views.get(receipt);
    if (earlier) {
      callback(earlier);
    }
    const listener = (event: Event) => callback((event as Cancelled).view);
    this.events.addEventListener(receipt.id, listener);
    return () => this.events.removeEventListener(receipt.id, listener);
  }
}
