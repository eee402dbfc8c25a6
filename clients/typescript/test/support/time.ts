// Time that passes when a test says so, beside sockets that are real.
import { setTimeout as really } from "node:timers/promises";

import type { Fetch } from "../../src/index.js";

interface Timer {
  readonly call: () => void;
  readonly at: number;
}

/** The longest that a test waits for the client to do something, in real milliseconds. */
const PATIENCE = 5_000;

export class Time {
  #now = Date.UTC(2026, 10, 20, 12);
  readonly #timers = new Set<Timer>();
  #inFlight = 0;

  readonly now = () => this.#now;

  readonly setTimeout = (call: () => void, ms: number): unknown => {
    const timer = { call, at: this.#now + ms };
    this.#timers.add(timer);
    return timer;
  };

  readonly clearTimeout = (timer: unknown): void => {
    this.#timers.delete(timer as Timer);
  };

  readonly fetch: Fetch = async (url, init) => {
    this.#inFlight++;
    try {
      return await fetch(url, init);
    } finally {
      this.#inFlight--;
    }
  };

  /** How many timers run. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Time passes, and no timer runs: the machine sleeps. */
  sleep(ms: number): void {
    this.#now += ms;
  }

  /** The client has nothing to do but wait. */
  async quiet(): Promise<void> {
    for (let quiet = 0; quiet < 10; quiet++) {
      await really(1);
      quiet = this.#inFlight === 0 && this.#timers.size > 0 ? quiet : 0;
    }
  }

  /** Time passes until the next timer, even while a request is under way. */
  hurry(): void {
    this.#fire();
  }

  /** Time passes as it should, until `until` holds. */
  async run(until: () => boolean): Promise<void> {
    const patience = Date.now() + PATIENCE;
    for (let quiet = 0; !until(); ) {
      if (Date.now() > patience) {
        throw new Error("the client does not do what the test waits for");
      }
      await really(1);
      quiet = this.#inFlight === 0 && this.#timers.size > 0 ? quiet + 1 : 0;
      // The body of an answer may still be on its way.
      if (quiet > 5) {
        this.#fire();
        quiet = 0;
      }
    }
  }

  #fire(): void {
    const [first] = [...this.#timers].sort((a, b) => a.at - b.at);
    if (first) {
      this.#timers.delete(first);
      this.#now = Math.max(this.#now, first.at);
      first.call();
    }
  }
}
