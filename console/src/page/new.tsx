/** Places an order by a form of its schema, or as JSON, and waits for it. */
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

import { type Failure, readPayload, send, session } from "../live/client.ts";
import { parseExact } from "../live/exact.ts";
import { asFailure, useResource } from "../live/resource.ts";
import { Members } from "../new/form.tsx";
import { PlacedOrder } from "../new/placed.tsx";
import { keep, receiptOf } from "../new/receipts.ts";
import { completed, initial, isObject, resolved, type Schema, type Value } from "../new/schema.ts";
import { go, route } from "../router.ts";
import type { Receipt } from "../types.ts";
import { Fault, Panel, Skeleton } from "../view/parts.tsx";

interface Document {
  components?: { schemas?: Record<string, Schema> };
}

export function NewOrder() {
  const document = useResource<Document>("openapi.json");
  const body = document.data.value;
  const from = route.value.query.get("from") ?? "";
  const placed = receiptOf(route.value.query.get("placed") ?? "");
  const source = body?.components?.schemas?.["OrderRequest"];
  const schema = source ? resolved(source, body) : undefined;
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>New order</h1>
      </div>
      {document.failure.value && <Fault of={document.failure.value} retry={() => void document.load()} />}
      <div class="halves">
        {placed && <PlacedOrder key={placed.receipt.id} kept={placed} />}
        {schema ? (
          <OrderForm key={from} schema={schema} from={from} />
        ) : (
          !document.failure.value && <Skeleton rows={5} />
        )}
      </div>
    </>
  );
}

function OrderForm({ schema, from }: { schema: Schema; from: string }) {
  const value = useSignal<Value>(initial(schema) ?? {});
  const raw = useSignal(false);
  const text = useSignal("");
  const key = useSignal("");
  const busy = useSignal(false);
  const failure = useSignal<Failure | undefined>(undefined);
  const needsKey = session.value?.service.orders_need_credentials === true;

  useEffect(() => {
    if (!from) return;
    readPayload(from).then(
      (payload) => {
        const order = payload as Value;
        value.value = isObject(order) ? completed(schema, order) : value.value;
        text.value = JSON.stringify(order, null, 2);
        // What a form cannot hold must not be lost.
        raw.value = !keepsDigits(text.value) || JSON.stringify(value.value, sorted) !== JSON.stringify(order, sorted);
      },
      (error: unknown) => (failure.value = asFailure(error)),
    );
  }, []);

  const broken = raw.value ? mistakeIn(text.value) : undefined;
  const submit = async (): Promise<void> => {
    if (busy.value || broken) return;
    busy.value = true;
    failure.value = undefined;
    try {
      const body = raw.value ? text.value : JSON.stringify(value.value);
      const receipt = await send<Receipt>(
        "POST",
        "order",
        body,
        needsKey ? { authorization: `Bearer ${key.value}` } : {},
      );
      keep(receipt);
      go(`new?placed=${receipt.id}`);
      window.scrollTo({ top: 0 });
    } catch (error) {
      failure.value = asFailure(error);
    }
    busy.value = false;
  };
  const toRaw = (): void => {
    text.value = JSON.stringify(value.value, null, 2);
    raw.value = true;
  };
  const toForm = (): void => {
    const order = JSON.parse(text.value || "{}") as Value;
    if (isObject(order)) value.value = completed(schema, order);
    raw.value = false;
  };
  const faults = new Map(failure.value?.problem.errors?.map(({ pointer, detail }) => [pointer, detail]));
  return (
    <Panel
      title={from ? "Edit and place again" : "Order"}
      aside={
        <div class="tabs spread" role="group" aria-label="How to write it">
          <button
            type="button"
            class="button plain small"
            aria-pressed={!raw.value}
            disabled={!!broken || (raw.value && !keepsDigits(text.value))}
            onClick={toForm}
          >
            Form
          </button>
          <button type="button" class="button plain small" aria-pressed={raw.value} onClick={toRaw}>
            JSON
          </button>
        </div>
      }
    >
      <form
        class="inner stack"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
        onKeyDown={(event) => event.key === "Enter" && (event.metaKey || event.ctrlKey) && void submit()}
      >
        {raw.value ? (
          <label class="field">
            <span>Order as JSON</span>
            <textarea
              class="input"
              spellcheck={false}
              value={text.value}
              aria-invalid={!!broken}
              onInput={(event) => (text.value = event.currentTarget.value)}
            />
            <span class="fault">{broken}</span>
          </label>
        ) : (
          <Members
            schema={schema}
            value={value.value}
            faults={faults}
            pointer=""
            onChange={(next) => (value.value = next ?? {})}
          />
        )}
        {needsKey && (
          <label class="field">
            <span>API key</span>
            <input
              class="input"
              type="password"
              autocomplete="off"
              value={key.value}
              onInput={(event) => (key.value = event.currentTarget.value)}
            />
            <span class="hint">
              Your role places no orders: that needs a key with the role submit. The key is sent with this order, and
              kept nowhere.
            </span>
          </label>
        )}
        {failure.value && <Fault of={failure.value} />}
        <p>
          <button type="submit" class="button primary" disabled={busy.value || !!broken}>
            {busy.value ? "Placing…" : "Place the order"}
          </button>
        </p>
      </form>
    </Panel>
  );
}

/** Whether the numbers of a text are those that a form would send. */
function keepsDigits(text: string): boolean {
  try {
    return JSON.stringify(parseExact(text)) === JSON.stringify(JSON.parse(text));
  } catch {
    return false;
  }
}

function mistakeIn(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Members in one order, so that texts can be compared. */
function sorted(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
