// The runtime of a page whose time passes when a test says so.
import { getEventListeners } from "node:events";

import { environment } from "../../src/environment.js";
import { Time } from "./time.js";

/** The time, the page that is visible or hidden, and how many listeners it has. */
export function runtime() {
  const time = new Time();
  const page = new EventTarget();
  const wakes = ["visibilitychange", "online"].map((event) => [page, event] as const);
  const env = { ...environment(time), wakes };
  const listeners = () => wakes.reduce((n, [, event]) => n + getEventListeners(page, event).length, 0);
  return { time, page, env, listeners };
}
