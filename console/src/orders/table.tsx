/**
 * The table of orders. Only the rows in sight are in the document, so that ten thousand cost no more
 * than fifty; their heights are fixed, so that nothing jumps.
 */
import { useComputed, useSignal, useSignalEffect, type ReadonlySignal, type Signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { may } from "../live/client.ts";
import { holds } from "../live/stream.ts";
import { go } from "../router.ts";
import { useKeys } from "../shell/keys.ts";
import type { Listed } from "../types.ts";
import { notify } from "../view/toast.tsx";
import { openAct } from "./act-dialog.tsx";
import type { OrderRows, Row } from "./list.ts";
import { OrderRow } from "./row.tsx";

/** Rows beyond the window, above and below; the rows in the document move by as many at a time. */
const SPARE = 8;
/** As the style has it, until a row is measured. */
const ROW_PX = 44;

interface OrderTableProps {
  list: OrderRows;
  label: string;
  selected: Signal<ReadonlySet<string>>;
  /** Whether its orders have ended: nothing of them is expected. */
  ended?: boolean;
  /** Called where the end of the list comes near. */
  onEnd?: () => void;
}

export function OrderTable({ list, label, selected, ended, onEnd }: OrderTableProps) {
  const body = useRef<HTMLDivElement>(null);
  const cursor = useSignal<string | undefined>(undefined);
  const height = useSignal(ROW_PX);
  const from = useSignal(0);
  // At first what fits the window: what is beyond it is made in a frame of its own.
  const to = useSignal(fitting(ROW_PX));
  const selectable = may("operate");
  const rows = list.rows;
  const range = useComputed(() => {
    const count = rows.value.length;
    return { start: Math.min(from.value, Math.max(0, count - 1)), end: Math.min(to.value, count) };
  });

  useLayoutEffect(() => {
    let asked = 0;
    const measure = (): void => {
      asked = 0;
      const element = body.current;
      if (!element) return;
      const line = element.querySelector<HTMLElement>(".line");
      if (line) height.value = line.offsetHeight || height.value;
      const above = -element.getBoundingClientRect().top / height.value;
      const first = Math.floor(above / SPARE) * SPARE;
      from.value = Math.max(0, first - SPARE);
      to.value = Math.max(0, first) + fitting(height.value) + 2 * SPARE;
      if (to.value >= rows.peek().length) onEnd?.();
    };
    const ask = (): void => void (asked ||= requestAnimationFrame(measure));
    ask();
    window.addEventListener("scroll", ask, { passive: true });
    const observer = new ResizeObserver(ask);
    if (body.current) observer.observe(body.current);
    return () => {
      window.removeEventListener("scroll", ask);
      observer.disconnect();
      cancelAnimationFrame(asked);
    };
  }, [list]);

  // While rows are selected nothing may move under the pointer.
  useSignalEffect(() => {
    if (selected.value.size === 0) return undefined;
    holds.value = holds.peek() + 1;
    return () => void (holds.value = holds.peek() - 1);
  });
  useEffect(() => () => void (selected.value = new Set()), [list]);

  const toggle = (id: string): void => {
    const next = new Set(selected.value);
    if (!next.delete(id)) next.add(id);
    selected.value = next;
  };
  const move = (by: number): void => {
    const all = rows.value;
    if (all.length === 0) return;
    const at = all.findIndex(({ id }) => id === cursor.value);
    const to = Math.min(all.length - 1, Math.max(0, at === -1 ? 0 : at + by));
    cursor.value = all[to]?.id;
    focusRow(body.current, to, height.value, cursor.value);
  };
  const current = (): Row | undefined => (cursor.value === undefined ? undefined : list.find(cursor.value));
  const act = (verb: "cancel" | "redrive"): void => {
    const ids = selected.value.size > 0 ? [...selected.value] : [cursor.value ?? ""];
    const orders = ids.map((id) => list.find(id)?.order.value).filter((order): order is Listed => !!order);
    openAct(verb, orders, () => (selected.value = new Set()));
  };
  const operator = may("operate");
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    enter: () => current() && go(`orders/${current()?.id}`),
    x: operator ? () => current() && toggle(current()?.id ?? "") : undefined,
    c: operator ? () => act("cancel") : undefined,
    r: operator ? () => act("redrive") : undefined,
    e: operator ? () => current() && go(`new?from=${current()?.id}`) : undefined,
    y: () => void copyId(current()),
    escape: () => (selected.value = new Set()),
  });

  return (
    <div
      role="table"
      class={`table orders ${ended ? "ended" : ""} ${selectable ? "" : "reading"}`}
      aria-label={label}
      aria-rowcount={rows.value.length + 1}
    >
      <div role="rowgroup">
        <div role="row" class="head" aria-rowindex={1}>
          {selectable && (
            <div role="columnheader" class="pick">
              <span class="hidden-text">Selected</span>
            </div>
          )}
          <div role="columnheader" class="c-state">
            State
          </div>
          <div role="columnheader" class="c-order">
            Order
          </div>
          <div role="columnheader" class="c-progress">
            Progress
          </div>
          <div role="columnheader" class="c-number c-waited">
            Waited
          </div>
          <div role="columnheader" class="c-number c-ran">
            Ran
          </div>
          <div role="columnheader" class="c-number c-attempt" title="Attempts">
            Tries
          </div>
          <div role="columnheader" class="c-window">
            Expected
          </div>
          <div role="columnheader" class="c-number c-created">
            Accepted
          </div>
        </div>
      </div>
      <Lines
        list={list}
        range={range}
        height={height}
        body={body}
        selected={selected}
        cursor={cursor}
        selectable={selectable}
        toggle={toggle}
      />
    </div>
  );
}

/** Rows that fit the window, and the one that is cut. */
const fitting = (height: number): number => Math.ceil(window.innerHeight / height);

interface LinesProps {
  list: OrderRows;
  range: ReadonlySignal<{ start: number; end: number }>;
  height: Signal<number>;
  body: { current: HTMLDivElement | null };
  selected: Signal<ReadonlySet<string>>;
  cursor: Signal<string | undefined>;
  selectable: boolean;
  toggle: (id: string) => void;
}

function Lines({ list, range, height, body, ...rest }: LinesProps) {
  const { start, end } = range.value;
  const rows = list.rows.value;
  const style = { paddingTop: `${start * height.value}px`, paddingBottom: `${(rows.length - end) * height.value}px` };
  return (
    <div role="rowgroup" ref={body} style={style}>
      {rows.slice(start, end).map((row, offset) => (
        <OrderRow
          key={row.id}
          row={row}
          index={start + offset}
          first={start + offset === 0}
          hasLeft={list.hasLeft}
          {...rest}
        />
      ))}
    </div>
  );
}

/** Brings a row into sight and gives it the focus, once it is drawn. */
function focusRow(body: HTMLElement | null, index: number, height: number, id: string | undefined): void {
  if (!body || id === undefined) return;
  const top = body.getBoundingClientRect().top + index * height;
  const margin = height * 2;
  if (top < margin) window.scrollBy(0, top - margin);
  else if (top + height > window.innerHeight - margin) window.scrollBy(0, top + height - window.innerHeight + margin);
  requestAnimationFrame(() =>
    requestAnimationFrame(() =>
      body.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`)?.focus({ preventScroll: true }),
    ),
  );
}

async function copyId(row: Row | undefined): Promise<void> {
  if (!row) return;
  await navigator.clipboard.writeText(row.id).then(
    () => notify("The order's id is copied"),
    () => notify(row.id),
  );
}
