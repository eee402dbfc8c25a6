/**
 * Waiting, in a world where timers are late: tabs are frozen, machines sleep, clocks are set.
 *
 * @module
 */

import type { Environment, Wake } from "./environment.js";
import { OffloadTimeout } from "./problem.js";

/** The clock is asked at least so often, because the timers of a machine that slept count only the time it was awake. */
const SLICE = 10_000;

/** What ends a pause early. */
export interface PauseOptions {
  /** Rejects the pause at once, with the signal's reason. */
  readonly signal: AbortSignal;
  /** Events that end the pause at once. */
  readonly until?: readonly Wake[];
}

/** Waits until `ms` have passed, by timers or by the clock, whichever is first. */
export function pause(ms: number, env: Environment, { signal, until = [] }: PauseOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const start = env.now();
    let timed = 0;
    let timer: unknown;
    const settle = (how: () => void) => {
      env.clearTimeout(timer);
      signal.removeEventListener("abort", aborted);
      for (const [target, type] of env.wakes) {
        target.removeEventListener(type, woken);
      }
      for (const [target, type] of until) {
        target.removeEventListener(type, ended);
      }
      how();
    };
    const proceed = () => {
      const left = ms - Math.max(timed, env.now() - start);
      if (left <= 0) {
        settle(resolve);
        return;
      }
      const slice = Math.min(SLICE, Math.ceil(left));
      timer = env.setTimeout(() => {
        timed += slice;
        proceed();
      }, slice);
    };
    const aborted = () => settle(() => reject(signal.reason));
    const ended = () => settle(resolve);
    const woken = () => {
      env.clearTimeout(timer);
      proceed();
    };
    signal.addEventListener("abort", aborted);
    for (const [target, type] of until) {
      target.addEventListener(type, ended);
    }
    for (const [target, type] of env.wakes) {
      target.addEventListener(type, woken);
    }
    proceed();
  });
}

/** How long a call may take. */
export interface Limits {
  /** Ends the call at once, with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Ends the call with {@link OffloadTimeout} after so many milliseconds in all. No limit by default. */
  readonly timeoutMs?: number | undefined;
}

/** Runs `work` with one signal for all that may end it, and leaves no timer or listener behind. */
export function limited<T>(limits: Limits, env: Environment, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const scope = new Scope(limits, env);
  return work(scope.signal).finally(() => scope.close());
}

/** The time that one call may take. */
export class Scope {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #end = () => this.#controller.abort(this.#outer?.reason);

  constructor({ signal, timeoutMs }: Limits, env: Environment) {
    this.#outer = signal;
    if (signal?.aborted) {
      this.#end();
      return;
    }
    signal?.addEventListener("abort", this.#end);
    if (timeoutMs !== undefined) {
      pause(timeoutMs, env, { signal: this.signal }).then(
        () => this.#controller.abort(new OffloadTimeout(`not done within ${timeoutMs} ms; the order goes on`)),
        () => {},
      );
    }
  }

  /** Aborted when the caller says so, when the time is over, and when the scope is closed. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Takes timers and listeners away. */
  close(): void {
    this.#outer?.removeEventListener("abort", this.#end);
    this.#controller.abort();
  }
}
