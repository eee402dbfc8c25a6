/** Sends a test event to a receiver of webhooks, and says what came of it. */
import { useEffect, useId, useState } from "preact/hooks";

import { type Failure, read, send, session } from "../live/client.ts";
import { asFailure } from "../live/resource.ts";
import { duration } from "../time.ts";
import type { Delivery, TestEvent } from "../types.ts";
import { Fault } from "../view/parts.tsx";

const EVERY_MS = 1_000;
/** An endpoint that is left alone is tried later: the page does not wait for that. */
const ASKED_MAX = 30;

export function TestForm() {
  const id = useId();
  const [url, setUrl] = useState("");
  const [sent, setSent] = useState<TestEvent | undefined>(undefined);
  const [asked, setAsked] = useState(0);
  const [failure, setFailure] = useState<Failure | undefined>(undefined);
  const waits = sent !== undefined && sent.delivery === null && asked < ASKED_MAX;
  useEffect(() => {
    if (!waits || !sent) return undefined;
    const timer = setTimeout(async () => {
      try {
        setSent(await read<TestEvent>(`admin/deliveries/test/${sent.id}`));
        setAsked(asked + 1);
      } catch (error) {
        setFailure(asFailure(error));
        setAsked(ASKED_MAX);
      }
    }, EVERY_MS);
    return () => clearTimeout(timer);
  }, [sent, asked, waits]);
  if (!session.value?.service.has_webhooks) return null;

  const submit = async (): Promise<void> => {
    setFailure(undefined);
    setSent(undefined);
    setAsked(0);
    try {
      setSent(await send<TestEvent>("POST", `admin/deliveries/test?${new URLSearchParams({ url })}`));
    } catch (error) {
      setFailure(asFailure(error));
    }
  };
  return (
    <form
      class="panel"
      aria-labelledby={`${id}-title`}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <header>
        <h2 id={`${id}-title`}>Test event</h2>
        <span class="soft">signed, by a worker, as every webhook; once</span>
      </header>
      <div class="inner stack">
        <div class="field">
          <label htmlFor={id}>URL of the receiver</label>
          <input
            id={id}
            class="input"
            type="url"
            required
            maxLength={2_048}
            autoComplete="off"
            placeholder="https://hooks.example.com/orders"
            value={url}
            onInput={({ currentTarget }) => setUrl(currentTarget.value)}
          />
        </div>
        <div class="row">
          <button type="submit" class="button" disabled={waits}>
            Send a test event
          </button>
          <span role="status">
            {sent && (sent.delivery ? <Outcome of={sent.delivery} /> : waits ? "on its way…" : LATER)}
          </span>
        </div>
        {failure && <Fault of={failure} />}
      </div>
    </form>
  );
}

const LATER = "No worker has tried yet: none is free, or the endpoint is left alone for now.";

function Outcome({ of: { state, attempts } }: { of: Delivery }) {
  const last = attempts.at(-1);
  const answered = last?.status ? `answered ${last.status} after ${duration(last.duration_ms ?? 0)}` : last?.error;
  return (
    <>
      <span class={`state ${state === "delivered" ? "completed" : "failed"}`}>{state.replace("_", " ")}</span>{" "}
      {answered}
    </>
  );
}
