/**
 * What the package needs of the runtime: clock, random numbers, timers, network, and events after
 * which timers may be late.
 *
 * @module
 */

/** A function like `fetch`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What {@link OffloadClient} needs of the runtime. Every member has a default. */
export interface EnvironmentOptions {
  /** Sends requests; `globalThis.fetch` by default. */
  readonly fetch?: Fetch;
  /** Milliseconds since 1970; `Date.now` by default. */
  readonly now?: () => number;
  /** A number in [0, 1); `Math.random` by default. */
  readonly random?: () => number;
  /** Starts a timer; `globalThis.setTimeout` by default. */
  readonly setTimeout?: (call: () => void, ms: number) => unknown;
  /** Stops a timer; `globalThis.clearTimeout` by default. */
  readonly clearTimeout?: (timer: unknown) => void;
  /**
   * Whether `fetch` has an HTTP cache that revalidates by itself, as a browser's has. Then no
   * `If-None-Match` is set, because a script that sets it causes a preflight. Detected by default.
   */
  readonly httpCache?: boolean;
}

/** The runtime, with nothing missing. */
export interface Environment {
  readonly fetch: Fetch;
  readonly now: () => number;
  readonly random: () => number;
  readonly setTimeout: (call: () => void, ms: number) => unknown;
  readonly clearTimeout: (timer: unknown) => void;
  readonly httpCache: boolean;
  /** Events after which timers may be late: a tab is visible again, a page is thawed. */
  readonly wakes: readonly WakeEvent[];
  /** The network is back. */
  readonly online: readonly WakeEvent[];
}

/** An event and its target. */
export type WakeEvent = readonly [target: EventTarget, type: string];

/** Fills in the defaults. */
export function environment(options: EnvironmentOptions): Environment {
  return {
    // Browsers require that these are called on the global object. Looked up late, so that a test
    // may replace them.
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
    now: options.now ?? (() => Date.now()),
    random: options.random ?? (() => Math.random()),
    setTimeout: options.setTimeout ?? ((call, ms) => globalThis.setTimeout(call, ms)),
    clearTimeout: options.clearTimeout ?? ((timer) => globalThis.clearTimeout(timer as number)),
    httpCache: options.httpCache ?? isBrowser(),
    wakes: wakes(),
    online: online(),
  };
}

/** Whether the machine knows that it has no network. */
export function isOffline(): boolean {
  return typeof navigator !== "undefined" && navigator.onLine === false;
}

/** A page or a worker of a browser. Elsewhere `fetch` has no cache, and no CORS applies. */
function isBrowser(): boolean {
  return (
    typeof document !== "undefined" || typeof (globalThis as { importScripts?: unknown }).importScripts === "function"
  );
}

function wakes(): WakeEvent[] {
  const page: WakeEvent[] =
    typeof document === "undefined"
      ? []
      : [
          [document, "visibilitychange"],
          [document, "resume"],
          [globalThis, "pageshow"],
        ];
  return [...page, ...online()];
}

function online(): WakeEvent[] {
  return typeof globalThis.addEventListener === "function" ? [[globalThis, "online"]] : [];
}
