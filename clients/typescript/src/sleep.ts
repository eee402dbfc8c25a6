/**
 * Sleeping, although timers may be late: tabs are frozen, machines are suspended, clocks are set.
 *
 * @module
 */

import type { Environment, WakeEvent } from "./environment.js";

/**
 * The clock is read at least this often, in milliseconds, because the timers of a machine that was
 * suspended count only the time that it was awake.
 */
const SLICE = 10_000;

/** What ends a sleep early. */
export interface SleepOptions {
  /** Rejects at once, with the signal's reason. */
  readonly signal: AbortSignal;
  /** Events that end the sleep at once. */
  readonly until?: readonly WakeEvent[];
}

/** Sleeps until `ms` have passed, by timers or by the clock, whichever is first. */
export function sleep(ms: number, env: Environment, { signal, until = [] }: SleepOptions): Promise<void> {
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
