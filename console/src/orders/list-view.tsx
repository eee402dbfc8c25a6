/** A list of orders with what is around it: how far it searched, what is new, how to go on. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo } from "preact/hooks";

import { may } from "../live/client.ts";
import { active, receive } from "../live/stream.ts";
import { group } from "../time.ts";
import type { Listed } from "../types.ts";
import { Fault, Skeleton } from "../view/parts.tsx";
import { openAct } from "./act-dialog.tsx";
import { orderList, ROWS_MAX } from "./list.ts";
import { OrderTable } from "./table.tsx";

interface ListViewProps {
  q: string;
  label: string;
  /** What to say where nothing matches; it gets how far was searched. */
  empty: (searched: number) => ComponentChildren;
  verbs: readonly ("cancel" | "redrive" | "purge")[];
}

export function ListView({ q, label, empty, verbs }: ListViewProps) {
  const list = useMemo(() => orderList(q), [q]);
  const selected = useSignal<ReadonlySet<string>>(new Set());
  useEffect(() => {
    void list.load("start");
    return receive(list.receive);
  }, [list]);
  const count = list.rows.value.length;
  const failure = list.failure.value;
  const more = list.next.value !== null && !list.isFull.value;
  const orders = (): Listed[] =>
    [...selected.value].map((id) => list.find(id)?.order.value).filter((order): order is Listed => !!order);
  return (
    <div class="stack list-view">
      {failure && <Fault of={failure} retry={() => void list.load("start")} stale={count > 0} />}
      {selected.value.size > 0 && may("operate") && (
        <div class="banner plain selection" role="region" aria-label="Selected orders">
          <strong>{selected.value.size} selected</strong>
          <span>The list keeps still meanwhile.</span>
          <span class="row spread">
            {verbs.map((verb) => (
              <button
                key={verb}
                type="button"
                class={`button small ${verb === "redrive" ? "" : "danger"}`}
                onClick={() => openAct(verb, orders(), () => (selected.value = new Set()))}
              >
                {verb[0]?.toUpperCase() + verb.slice(1)}
              </button>
            ))}
            <button type="button" class="button small" onClick={() => (selected.value = new Set())}>
              Clear
            </button>
          </span>
        </div>
      )}
      {!list.loaded.value && !failure && <Skeleton rows={8} />}
      {list.loaded.value && count === 0 && list.next.value === null && empty(list.searched.value)}
      {list.loaded.value && (count > 0 || list.next.value !== null) && (
        <div class={`panel ${failure ? "stale" : ""}`}>
          {count > 0 && (
            <OrderTable
              ended={verbs.includes("purge")}
              list={list}
              label={label}
              selected={selected}
              onEnd={() => active.peek() && more && !failure && void list.load("end")}
            />
          )}
          <footer class="row list-foot">
            <span class="soft">
              {group(count)} {count === 1 ? "order" : "orders"}, {group(list.searched.value)} entries searched
              {list.isFull.value
                ? `. More than ${group(ROWS_MAX)} are not loaded: narrow the filter`
                : more
                  ? ", more behind"
                  : ", to the end"}
            </span>
            {more && (
              <button
                type="button"
                class="button small spread"
                disabled={list.busy.value}
                onClick={() => void list.load("end")}
              >
                {list.busy.value ? "Loading…" : "Load more"}
              </button>
            )}
          </footer>
        </div>
      )}
      {list.fresh.value > 0 && (
        <button
          type="button"
          class="button primary fresh"
          onClick={() => {
            window.scrollTo({ top: 0 });
            void list.load("start");
          }}
        >
          {list.fresh.value} new, show
        </button>
      )}
    </div>
  );
}
