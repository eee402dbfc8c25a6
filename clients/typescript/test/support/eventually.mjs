// Waiting for a state, with a deadline.
import { setTimeout as sleep } from "node:timers/promises";

/** The longest that a test waits, in milliseconds. */
const PATIENCE = 60_000;

/** Waits until `condition` holds, and fails with `what` if it does not in time. */
export async function eventually(what, condition) {
  for (const end = Date.now() + PATIENCE; !(await condition()); await sleep(20)) {
    if (Date.now() > end) {
      throw new Error(`not in time: ${what}`);
    }
  }
}
