/** An order in a table. Each row hangs on its own order: a change draws that row alone. */
import type { Signal } from "@preact/signals";

import { now } from "../live/clock.ts";
import { clock, duration } from "../time.ts";
import { times } from "../preferences.ts";
import type { Listed } from "../types.ts";
import { Link } from "../view/link.tsx";
import { Meter, Reason, shortId, State, Tag, When } from "../view/parts.tsx";
import { Window } from "../view/window.tsx";
import { ACTS, askedOf } from "./acts.ts";
import type { Row } from "./list.ts";

interface OrderRowProps {
  row: Row;
  index: number;
  selected: Signal<ReadonlySet<string>>;
  cursor: Signal<string | undefined>;
  first: boolean;
  selectable: boolean;
  hasLeft: (order: Listed) => boolean;
  toggle: (id: string) => void;
}

export function Waited({ order }: { order: Listed }) {
  const start = Date.parse(order.created_at);
  const end = order.started_at ?? order.finished_at;
  return <>{duration(Math.max(0, end ? Date.parse(end) - start : whole(now.value - start)))}</>;
}

export function Ran({ order }: { order: Listed }) {
  if (!order.started_at) return <span class="soft">–</span>;
  const start = Date.parse(order.started_at);
  return (
    <>{duration(Math.max(0, order.finished_at ? Date.parse(order.finished_at) - start : whole(now.value - start)))}</>
  );
}

/** What still counts goes by whole seconds. */
const whole = (ms: number): number => Math.floor(ms / 1_000) * 1_000;

export function Progress({ order }: { order: Listed }) {
  const request = askedOf(order);
  if (request) {
    return (
      <span class="asked">
        {ACTS[request.act].label.toLowerCase()} asked for at {clock(request.at, times.value)}
      </span>
    );
  }
  if (order.error && order.status !== "completed") {
    return (
      <span class="cut">
        <Reason of={order.error} /> <span class="soft">{order.error.detail}</span>
      </span>
    );
  }
  if (!order.progress) return <span class="soft">–</span>;
  const { percent, message } = order.progress;
  return (
    <span class="progress">
      <Meter percent={percent} />
      <span>{percent} %</span>
      {message && <span class="soft cut">{message}</span>}
    </span>
  );
}

export function OrderRow({ row, index, selected, cursor, first, selectable, hasLeft, toggle }: OrderRowProps) {
  const order = row.order.value;
  const isSelected = selected.value.has(row.id);
  const isCursor = cursor.value === row.id;
  const name = order.kind ?? "order";
  return (
    <div
      role="row"
      class={`line ${isSelected ? "selected" : ""} ${hasLeft(order) ? "left" : ""}`}
      aria-rowindex={index + 2}
      data-id={row.id}
      tabIndex={isCursor || (first && cursor.value === undefined) ? 0 : -1}
      onFocus={(event) => event.target === event.currentTarget && (cursor.value = row.id)}
    >
      {selectable && (
        <div role="cell" class="pick">
          <input
            type="checkbox"
            aria-label={`Select ${name} ${shortId(row.id)}`}
            checked={isSelected}
            onChange={() => toggle(row.id)}
            tabIndex={-1}
          />
        </div>
      )}
      <div role="cell" class="c-state">
        <State of={order} />
      </div>
      <div role="cell" class="c-order">
        <Link to={`orders/${row.id}`} class="open" tabIndex={-1} title={row.id}>
          <b>{name}</b> <code>…{shortId(row.id)}</code>
        </Link>
        <Tag labels={order.labels} />
      </div>
      <div role="cell" class="c-progress">
        <Progress order={order} />
      </div>
      <div role="cell" class="c-number c-waited">
        <Waited order={order} />
      </div>
      <div role="cell" class="c-number c-ran">
        <Ran order={order} />
      </div>
      <div role="cell" class="c-number c-attempt">
        {order.attempt}
      </div>
      <div role="cell" class="c-window">
        <Window order={order} />
      </div>
      <div role="cell" class="c-number c-created">
        <When at={order.created_at} />
      </div>
    </div>
  );
}
