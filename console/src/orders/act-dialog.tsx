/** Asks before orders are changed: one, or those that are selected. */
import { useState } from "preact/hooks";

import type { Failure } from "../live/client.ts";
import type { Listed } from "../types.ts";
import { closeDialog, Dialog, opened } from "../view/dialog.tsx";
import { Fault, shortId, State } from "../view/parts.tsx";
import { notify } from "../view/toast.tsx";
import { type Act, ACTS, fits, perform } from "./acts.ts";

const EXAMPLES = 5;

interface ActProps {
  act: Act;
  orders: readonly Listed[];
  onDone?: ((changed: readonly Listed[]) => void) | undefined;
}

export function openAct(act: Act, orders: readonly Listed[], onDone?: ActProps["onDone"]): void {
  const fitting = orders.filter((order) => fits(act, order));
  if (fitting.length === 0) {
    notify(orders.length === 0 ? "No order is selected" : `${ACTS[act].label} does not fit ${state(orders)}`);
    return;
  }
  opened.value = () => <ActDialog act={act} orders={fitting} onDone={onDone} />;
}

const state = (orders: readonly Listed[]): string =>
  orders.length === 1 ? `an order that is ${orders[0]?.status}` : "any of the selected orders";

function ActDialog({ act, orders, onDone }: ActProps) {
  const [busy, setBusy] = useState<number>();
  const [failed, setFailed] = useState<{ order: Listed; failure: Failure; now?: Listed | undefined }[]>([]);
  const { label, about, done } = ACTS[act];
  const one = orders.length === 1 ? orders[0] : undefined;
  const what = one ? `order …${shortId(one.id)}` : `${orders.length} orders`;
  const run = async (): Promise<void> => {
    const changed: Listed[] = [];
    const faults: typeof failed = [];
    for (const [index, order] of orders.entries()) {
      setBusy(index);
      const result = await perform(act, order);
      if (result) faults.push({ order, ...result });
      else changed.push(order);
    }
    setBusy(undefined);
    setFailed(faults);
    onDone?.(changed);
    if (changed.length > 0) notify(one ? `…${shortId(one.id)}: ${done}` : `${changed.length} orders: ${done}`);
    if (faults.length === 0) closeDialog();
  };
  const ended = failed.length > 0;
  return (
    <Dialog
      title={`${label} ${what}?`}
      onClose={closeDialog}
      closeLabel={ended ? "Close" : "Keep as it is"}
      confirm={{
        label: one && ended ? "Try again" : label,
        run: () => void run(),
        danger: act !== "replay" && act !== "redrive",
        disabled: busy !== undefined || (ended && !one),
      }}
    >
      <p class="soft">{about}</p>
      <ul class="examples">
        {orders.slice(0, EXAMPLES).map((order) => (
          <li key={order.id} class="row">
            <State of={order} /> <span>{order.kind ?? "order"}</span> <code class="soft">{order.id}</code>
          </li>
        ))}
        {orders.length > EXAMPLES && <li class="soft">and {orders.length - EXAMPLES} more</li>}
      </ul>
      {busy !== undefined && (
        <p role="status">
          {busy + 1} of {orders.length}…
        </p>
      )}
      {failed.slice(0, EXAMPLES).map(({ order, failure, now }) => (
        <div key={order.id} class="stack">
          <Fault of={failure} />
          {now && (
            <p class="row">
              It changed meanwhile, and is now <State of={now} />
            </p>
          )}
        </div>
      ))}
    </Dialog>
  );
}
