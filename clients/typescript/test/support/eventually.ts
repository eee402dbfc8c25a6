// Waiting for a state, with a deadline.
import { setImmediate as tick } from "node:timers/promises";

/** The longest that a test waits, in milliseconds. */
const PATIENCE = 5_000;

/** Waits until `condition` holds, and fails with `what` if it does not in time. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + PATIENCE; !(await condition()); await tick()) {
    if (Date.now() > end) {
      throw new Error(`not in time: ${what}`);
    }
  }
}
