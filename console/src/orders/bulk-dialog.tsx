/** Bulk work: a rehearsal first, with a count and five examples; over a hundred the count is typed. */
import { useEffect, useState } from "preact/hooks";

import { type Failure, send } from "../live/client.ts";
import { asFailure } from "../live/resource.ts";
import { go } from "../router.ts";
import { group } from "../time.ts";
import type { Action, Preview, Verb } from "../types.ts";
import { closeDialog, Dialog, opened } from "../view/dialog.tsx";
import { Fault, Skeleton, State } from "../view/parts.tsx";
import { notify } from "../view/toast.tsx";
import { ACTS } from "./acts.ts";

/** Over so many the operator types how many there are. */
const TYPED_OVER = 100;
const RATE = 20;

export function openBulk(verb: Verb, filter: string): void {
  opened.value = () => <BulkDialog verb={verb} filter={filter} />;
}

function BulkDialog({ verb, filter }: { verb: Verb; filter: string }) {
  const [preview, setPreview] = useState<Preview>();
  const [failure, setFailure] = useState<Failure>();
  const [typed, setTyped] = useState("");
  const [rate, setRate] = useState(String(RATE));
  const [busy, setBusy] = useState(false);
  const rehearse = async (): Promise<void> => {
    setPreview(undefined);
    setFailure(undefined);
    try {
      setPreview(await send<Preview>("POST", "admin/actions", { verb, filter, dry_run: true }));
    } catch (error) {
      setFailure(asFailure(error));
    }
  };
  useEffect(() => void rehearse(), []);
  const count = preview?.count ?? 0;
  const mustType = count > TYPED_OVER;
  const perSecond = Number(rate);
  const rateFits = Number.isInteger(perSecond) && perSecond >= 1 && perSecond <= 200;
  const ready = count > 0 && !busy && rateFits && (!mustType || typed.trim() === String(count));
  const run = async (): Promise<void> => {
    setBusy(true);
    try {
      const action = await send<Action>("POST", "admin/actions", { verb, filter, count, rate: perSecond });
      closeDialog();
      notify(`${ACTS[verb].label}: ${group(count)} orders have begun`);
      go(`actions/${action.id}`);
    } catch (error) {
      setFailure(asFailure(error));
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={`${ACTS[verb].label} all that match`}
      onClose={closeDialog}
      confirm={{
        label: `${ACTS[verb].label} ${preview ? group(count) : "…"}`,
        run: () => void run(),
        danger: verb !== "redrive",
        disabled: !ready,
      }}
    >
      <p class="soft">{ACTS[verb].about}</p>
      <p>
        Filter <code>{filter}</code>
      </p>
      {failure && <Fault of={failure} retry={() => void rehearse()} />}
      {!preview && !failure && <Skeleton rows={4} />}
      {preview && (
        <>
          <p>
            <b>{group(count)}</b> {count === 1 ? "order" : "orders"} match, of {group(preview.searched)} that were
            searched.
            {!preview.complete && " There may be more behind: they stay as they are, until this is done again."}
          </p>
          <ul class="examples" aria-label="Examples">
            {preview.examples.map((order) => (
              <li key={order.id} class="row">
                <State of={order} /> <span>{order.kind ?? "order"}</span> <code class="soft">{order.id}</code>
              </li>
            ))}
          </ul>
          {count > 0 && (
            <label class="field">
              <span>Orders a second</span>
              <input
                class="input"
                inputMode="numeric"
                value={rate}
                onInput={(event) => setRate(event.currentTarget.value)}
                aria-invalid={!rateFits}
              />
              <span class="hint">1 to 200. An order that changes meanwhile is skipped, and listed.</span>
            </label>
          )}
          {mustType && (
            <label class="field">
              <span>
                Type <b>{count}</b> to confirm
              </span>
              <input
                class="input"
                inputMode="numeric"
                autocomplete="off"
                value={typed}
                onInput={(event) => setTyped(event.currentTarget.value)}
              />
            </label>
          )}
        </>
      )}
    </Dialog>
  );
}
