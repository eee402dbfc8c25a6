/**
 * The limits of one call: a signal and a timeout of the caller's.
 *
 * @module
 */

import type { Environment } from "./environment.js";
import { OffloadTimeout } from "./problem.js";
import { sleep } from "./sleep.js";

/** How long a call may take. */
export interface CallOptions {
  /** Ends the call at once, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Ends the call with {@link OffloadTimeout} after this many milliseconds in all. No limit by
   * default.
   */
  readonly timeoutMs?: number | undefined;
}

/** Runs `work` with one signal for both limits, and leaves no timer or listener behind. */
export function withLimits<T>(
  options: CallOptions,
  env: Environment,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const call = new Call(options, env);
  return work(call.signal).finally(() => call.close());
}

/** One call. */
export class Call {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #abort = () => this.#controller.abort(this.#outer?.reason);

  constructor({ signal, timeoutMs }: CallOptions, env: Environment) {
    this.#outer = signal;
    if (signal?.aborted) {
      this.#abort();
      return;
    }
    signal?.addEventListener("abort", this.#abort);
    if (timeoutMs !== undefined) {
      sleep(timeoutMs, env, { signal: this.signal }).then(
        () => this.#controller.abort(new OffloadTimeout(`not done within ${timeoutMs} ms; the order goes on`)),
        () => {},
      );
    }
  }

  /** Aborted by the caller's signal, by the timeout, and when the call is closed. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Removes timers and listeners. */
  close(): void {
    this.#outer?.removeEventListener("abort", this.#abort);
    this.#controller.abort();
  }
}
