/**
 * What the api answered when it was asked to cancel an order: whoever waits for that order hears of it at once, and need not
 * sit out a schedule that was made for the whole work.
 *
 * @module
 */

import type { SavedReceipt, StatusView } from "./types.js";

/** Said of an order to everybody who waits for it. Its type is the order's id. */
class Asked extends Event {
  constructor(
    id: string,
    readonly view: StatusView,
  ) {
    super(id);
  }
}

/** The cancellations that one client has asked for. */
export class Cancellations {
  /** For those who will wait: forgotten together with the receipt. */
  readonly #views = new WeakMap<SavedReceipt, StatusView>();
  /** For those who wait already, perhaps by another copy of the receipt: an event of each order's id. */
  readonly events = new EventTarget();

  /** Notes an answer. */
  add(receipt: SavedReceipt, view: StatusView): void {
    this.#views.set(receipt, view);
    this.events.dispatchEvent(new Asked(receipt.id, view));
  }

  /** Calls `told` with the answer there is and with each that comes, until the function that it returns is called. */
  listen(receipt: SavedReceipt, told: (view: StatusView) => void): () => void {
    const before = this.#views.get(receipt);
    if (before) {
      told(before);
    }
    const listener = (event: Event) => told((event as Asked).view);
    this.events.addEventListener(receipt.id, listener);
    return () => this.events.removeEventListener(receipt.id, listener);
  }
}
