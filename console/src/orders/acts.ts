/** What an operator does to one order, and what was asked for and has not happened yet. */
import { signal } from "@preact/signals";

import { read, send, type Failure } from "../live/client.ts";
import { asFailure } from "../live/resource.ts";
import { take } from "../live/stream.ts";
import { isDead } from "./filter.ts";
import type { Listed } from "../types.ts";

export type Act = "cancel" | "redrive" | "purge" | "replay";

export const ACTS: Record<Act, { label: string; done: string; about: string }> = {
  cancel: {
    label: "Cancel",
    done: "cancellation asked for",
    about: "An order that waits ends at once. Of one that is being worked on its worker stops the work within seconds.",
  },
  redrive: {
    label: "Redrive",
    done: "redrive asked for",
    about: "The order goes back to the queue with all its attempts. Work that was done before may be done twice.",
  },
  purge: {
    label: "Purge",
    done: "purge asked for",
    about: "The order leaves the list of dead letters, and stays failed.",
  },
  replay: {
    label: "Send again",
    done: "the event is on its way",
    about: "The last event goes to the order's webhook again, with the same id and a new signature.",
  },
};

/** Whether an act makes sense for an order. */
export function fits(act: Act, order: Pick<Listed, "status" | "cancel_requested" | "error">): boolean {
  const open = order.status === "pending" || order.status === "processing";
  if (act === "cancel") return open && !order.cancel_requested;
  if (act === "redrive") return order.status === "failed" && isDead(order.error);
  return act === "replay" || order.status === "failed";
}

export interface ActRequest {
  act: Act;
  at: number;
  revision: number;
}

/** By order: what was asked for, until its revision moves. */
export const asked = signal<ReadonlyMap<string, ActRequest>>(new Map());

export function askedOf(order: Listed): ActRequest | undefined {
  const one = asked.value.get(order.id);
  return one && order.revision <= one.revision ? one : undefined;
}

const KEPT = 200;

/** Does it. A conflict brings the order as it is now. */
export async function perform(
  act: Act,
  order: Listed,
): Promise<{ failure: Failure; now?: Listed | undefined } | undefined> {
  const path = act === "replay" ? `admin/deliveries/${order.id}` : `admin/orders/${order.id}/${act}`;
  try {
    const changed = await send<Listed>("POST", path);
    // The stream may be closed by a dialog: the answer is the first to say what became of it.
    if (act !== "replay") take([changed]);
    // A replay and a purge change no revision.
    if (act === "cancel" || act === "redrive") {
      const at = Date.now();
      const entries = [...asked.value, [order.id, { act, at, revision: order.revision }] as const];
      asked.value = new Map(entries.slice(-KEPT));
    }
    return undefined;
  } catch (error) {
    const failure = asFailure(error);
    if (failure.status !== 409) return { failure };
    return { failure, now: await read<Listed>(`admin/orders/${order.id}`).catch(() => undefined) };
  }
}
