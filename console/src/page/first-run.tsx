/** Nothing has happened yet: how to have something happen. */
import { useState } from "preact/hooks";

import { type Failure, may, send, session } from "../live/client.ts";
import { asFailure } from "../live/resource.ts";
import { go } from "../router.ts";
import type { Receipt } from "../types.ts";
import { Code, Fault } from "../view/parts.tsx";
import { keep } from "../new/receipts.ts";

const ORDER = { kind: "report", rows: 1_000, delay_ms: 3_000 };

export function FirstRun() {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const service = session.value?.service;
  const submit = async (): Promise<void> => {
    setBusy(true);
    setFailure(undefined);
    try {
      const receipt = await send<Receipt>("POST", "order", ORDER);
      keep(receipt);
      go(`new?placed=${receipt.id}`);
    } catch (error) {
      setFailure(asFailure(error));
      setBusy(false);
    }
  };
  return (
    <section class="panel empty first-run">
      <h2>No order yet</h2>
      <p>Place one that takes three seconds, and see what asking for it costs:</p>
      {may("operate") && !service?.orders_need_credentials && (
        <button type="button" class="button primary" disabled={busy} onClick={() => void submit()}>
          {busy ? "Placing…" : "Place a three-second order"}
        </button>
      )}
      {failure && <Fault of={failure} />}
      <p>Or from a terminal:</p>
      <Code
        what="the command"
        text={`curl ${service?.api ?? ""}/order -H 'content-type: application/json' -d '${JSON.stringify(ORDER)}'`}
      />
    </section>
  );
}
