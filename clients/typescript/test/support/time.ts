// Time that passes when a test says so, beside sockets that are real.
import { setImmediate as tick } from "node:timers/promises";

import type { Fetch } from "../../src/index.js";
import { eventually } from "./eventually.js";

interface Timer {
  readonly call: () => void;
  readonly at: number;
}

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

  /** Reads each body whole, so that a request is over when this is. */
  readonly fetch: Fetch = async (url, init) => {
    this.#inFlight++;
    try {
      const { status, headers, body } = await fetch(url, init).then(async (r) => ({
        status: r.status,
        headers: r.headers,
        body: await r.arrayBuffer(),
      }));
      return new Response(status === 304 ? null : body, { status, headers });
    } finally {
      this.#inFlight--;
    }
  };

  /** How many timers run. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Time passes, and no timer runs: the machine is suspended. */
  suspend(ms: number): void {
    this.#now += ms;
  }

  /** Waits until the client has nothing to do but wait for a timer. */
  idle(): Promise<void> {
    return eventually("the client waits", () => this.#isIdle());
  }

  /** Time passes until the next timer, even while a request is in flight. */
  fire(): void {
    const [first] = [...this.#timers].sort((a, b) => a.at - b.at);
    if (first) {
      this.#timers.delete(first);
      this.#now = Math.max(this.#now, first.at);
      first.call();
    }
  }

  /** Time passes, timer by timer, until `condition` holds. */
  async run(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await eventually("the client waits, or the condition holds", async () => condition() || (await this.#isIdle()));
      if (!condition()) {
        this.fire();
      }
    }
  }

  async #isIdle(): Promise<boolean> {
    for (let i = 0; i < 5; i++) {
      if (this.#inFlight > 0 || this.#timers.size === 0) {
        return false;
      }
      // Whatever was ready to run has run after this.
      await tick();
    }
    return true;
  }
}
