/**
 * Where this package runs: clock, chance, timers, network, and what wakes a sleeper.
 *
 * @module
 */

/** A function like `fetch`. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What {@link OffloadClient} needs of its surroundings. Every member has a default. */
export interface Surroundings {
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
   * Whether `fetch` has an HTTP cache that revalidates by itself, as a browser's has. Then no `If-None-Match` is set, because a
   * script that sets it causes a preflight. Told from the surroundings by default.
   */
  readonly httpCache?: boolean;
}

/** Surroundings with nothing missing. */
export interface Environment {
  readonly fetch: Fetch;
  readonly now: () => number;
  readonly random: () => number;
  readonly setTimeout: (call: () => void, ms: number) => unknown;
  readonly clearTimeout: (timer: unknown) => void;
  readonly httpCache: boolean;
  /** Events after which timers may be late: a tab comes back, a page is thawed. */
  readonly wakes: readonly Wake[];
  /** The network is there again. */
  readonly online: readonly Wake[];
}

/** An event that somebody who pauses listens to. */
export type Wake = readonly [target: EventTarget, type: string];

/** Fills in what the caller left out. */
export function environment(given: Surroundings): Environment {
  return {
    // Called as functions of the global object: browsers insist on it. Looked up late, so that a test may replace them.
    fetch: given.fetch ?? ((url, init) => globalThis.fetch(url, init)),
    now: given.now ?? (() => Date.now()),
    random: given.random ?? (() => Math.random()),
    setTimeout: given.setTimeout ?? ((call, ms) => globalThis.setTimeout(call, ms)),
    clearTimeout: given.clearTimeout ?? ((timer) => globalThis.clearTimeout(timer as number)),
    httpCache: given.httpCache ?? isBrowser(),
    wakes: wakes(),
    online: online(),
  };
}

/** Whether the machine knows that it has no network. */
export function isOffline(): boolean {
  return typeof navigator !== "undefined" && navigator.onLine === false;
}

/** A page or a worker of a browser. Elsewhere there is `fetch`, but no cache behind it, and no CORS before it. */
function isBrowser(): boolean {
  return typeof document !== "undefined" || typeof (globalThis as { importScripts?: unknown }).importScripts === "function";
}

function wakes(): Wake[] {
  const page: Wake[] = typeof document === "undefined" ? [] : [[document, "visibilitychange"], [document, "resume"], [globalThis, "pageshow"]];
  return [...page, ...online()];
}

function online(): Wake[] {
  return typeof globalThis.addEventListener === "function" ? [[globalThis, "online"]] : [];
}
