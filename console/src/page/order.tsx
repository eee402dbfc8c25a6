/** One order: what it is, what happened to it, and what can be done. */
import { may } from "../live/client.ts";
import { now } from "../live/clock.ts";
import { useResource } from "../live/resource.ts";
import type { Message } from "../live/stream.ts";
import { openAct } from "../orders/act-dialog.tsx";
import { ACTS, askedOf, fits } from "../orders/acts.ts";
import { isNewer } from "../orders/list.ts";
import { Progress, Ran, Waited } from "../orders/row.tsx";
import { go, route } from "../router.ts";
import { useKeys } from "../shell/keys.ts";
import { clock, duration } from "../time.ts";
import { times } from "../preferences.ts";
import type { OrderDetail } from "../types.ts";
import { closeDialog, Dialog, opened } from "../view/dialog.tsx";
import { Icon } from "../view/icon.tsx";
import { Link } from "../view/link.tsx";
import { Code, Copy, Fault, isFinal, Panel, shortId, Skeleton, State, Tag, When } from "../view/parts.tsx";
import { notify } from "../view/toast.tsx";
import { Window } from "../view/window.tsx";
import { Deliveries, Payload, StatusCopy, Timeline } from "./order-parts.tsx";
import { snippets } from "./snippets.ts";

export function OrderPage() {
  const id = (route.value.path.split("/")[1] ?? "").toLowerCase();
  const found = useResource<OrderDetail>(`admin/orders/${encodeURIComponent(id)}`, {
    take: (message: Message, { data }) => {
      if (message.event !== "orders") return false;
      const next = message.data.orders.find((order) => order.id === id);
      const known = data.peek();
      return !!next && (!known || isNewer(next, known));
    },
  });
  const order = found.data.value;
  const failure = found.failure.value;
  const forgotten = failure?.status === 404;
  return (
    <>
      <div class="heading">
        <Link to="orders" class="button plain small" aria-label="Orders">
          <Icon name="back" />
        </Link>
        <h1 tabIndex={-1}>
          {order?.kind ?? "Order"} <code class="soft">…{shortId(id)}</code>
        </h1>
        {order && <State of={order} />}
        {order && !forgotten && <Acts order={order} load={() => void found.load()} />}
      </div>
      {failure && !forgotten && <Fault of={failure} retry={() => void found.load()} stale={!!order} />}
      {forgotten && <Forgotten id={id} was={order} />}
      {!order && !failure && <Skeleton />}
      {order && <Body key={order.id} order={order} stale={!!failure} />}
    </>
  );
}

function Forgotten({ id, was }: { id: string; was: OrderDetail | undefined }) {
  return (
    <div class="panel empty">
      <h2>{was ? "This order is forgotten" : "There is no such order"}</h2>
      <p>
        <code>{id}</code> is not stored. An order is forgotten a set time after it has ended, or it was erased.
        {was && " What is below is the last that this page knew."}
      </p>
      <Link class="button" to="orders">
        Orders
      </Link>
    </div>
  );
}

function Acts({ order, load }: { order: OrderDetail; load: () => void }) {
  const operator = may("operate");
  const cancel = operator && fits("cancel", order) ? () => openAct("cancel", [order], load) : undefined;
  const redrive = operator && fits("redrive", order) ? () => openAct("redrive", [order], load) : undefined;
  const again = operator ? () => go(`new?from=${order.id}`) : undefined;
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(order.id).then(
      () => notify("The order's id is copied"),
      () => notify(order.id),
    );
  };
  useKeys({ c: cancel, r: redrive, e: again, y: () => void copy() });
  return (
    <span class="row spread">
      {redrive && (
        <button type="button" class="button primary" onClick={redrive}>
          <Icon name="redrive" />
          Redrive
        </button>
      )}
      {cancel && (
        <button type="button" class="button danger" onClick={cancel}>
          Cancel
        </button>
      )}
      {again && (
        <button type="button" class="button" onClick={again}>
          Place again
        </button>
      )}
      {operator && fits("redrive", order) && (
        <button type="button" class="button danger" onClick={() => openAct("purge", [order], load)}>
          Purge
        </button>
      )}
      <button type="button" class="button" onClick={() => (opened.value = () => <SnippetDialog order={order} />)}>
        <Icon name="copy" />
        As code
      </button>
    </span>
  );
}

function SnippetDialog({ order }: { order: OrderDetail }) {
  return (
    <Dialog title="This order in a client" onClose={closeDialog} closeLabel="Close">
      {snippets(order).map(({ name, text }) => (
        <div key={name} class="stack">
          <h3>{name}</h3>
          <Code text={text} what={name} />
        </div>
      ))}
    </Dialog>
  );
}

function Countdown({ order }: { order: OrderDetail }) {
  if (isFinal(order.status)) {
    return (
      <p class="headline">
        {order.status} after{" "}
        {duration(Date.parse(order.finished_at ?? order.updated_at) - Date.parse(order.created_at))}
      </p>
    );
  }
  if (!order.eta) return <p class="headline">no estimate</p>;
  const { earliest_at: early, at, latest_at: late } = order.eta;
  const rest = (text: string): number => Math.ceil((Date.parse(text) - now.value) / 1_000) * 1_000;
  const over = rest(late) < 0;
  return (
    <>
      <p class={over ? "headline bad" : "headline"}>
        {over
          ? `${duration(-rest(late))} later than nine of ten`
          : rest(at) > 0
            ? `expected in ${duration(rest(at))}`
            : "expected now"}
      </p>
      <Window order={order} />
      <p class="soft">
        between {clock(Date.parse(early), times.value)} and {clock(Date.parse(late), times.value)}, four times of five
      </p>
    </>
  );
}

function Body({ order, stale }: { order: OrderDetail; stale: boolean }) {
  const request = askedOf(order);
  return (
    <div class={stale ? "halves stale" : "halves"}>
      <div class="stack">
        <section class="panel">
          <div class="inner stack">
            <Countdown order={order} />
            {request && (
              <p class="banner">
                <strong>{ACTS[request.act].label} asked for</strong> at {clock(request.at, times.value)}; nothing has
                changed yet.
              </p>
            )}
            {order.error && (
              <p class="banner bad">
                <strong>{order.error.title}</strong>
                <span class="detail">{order.error.detail}</span>
                <code>{order.error.type.split("/").pop()}</code>
              </p>
            )}
            <dl class="facts">
              <dt>Id</dt>
              <dd class="row">
                <code>{order.id}</code> <Copy text={order.id} what="the id" />
              </dd>
              <dt>Progress</dt>
              <dd>
                <Progress order={{ ...order, error: null }} />
              </dd>
              <dt>Waited</dt>
              <dd>
                <Waited order={order} />
              </dd>
              <dt>Ran</dt>
              <dd>
                <Ran order={order} />
              </dd>
              <dt>Attempt</dt>
              <dd>
                {order.attempt}
                {order.generation > 1 && `, redriven ${order.generation - 1} times`}
              </dd>
              <dt>Accepted</dt>
              <dd>
                <When at={order.created_at} />
              </dd>
              {order.not_before && (
                <>
                  <dt>Not before</dt>
                  <dd>
                    <When at={order.not_before} />
                  </dd>
                </>
              )}
              {order.deadline_at && !isFinal(order.status) && (
                <>
                  <dt>Deadline</dt>
                  <dd>
                    <When at={order.deadline_at} />
                  </dd>
                </>
              )}
              {order.lease && (
                <>
                  <dt>Worker</dt>
                  <dd>
                    {order.lease.worker}, its lease ends <When at={order.lease.until} />
                  </dd>
                </>
              )}
              <dt>Tenant, priority</dt>
              <dd>
                {order.tenant}, {order.priority}
              </dd>
              {Object.keys(order.labels).length > 0 && (
                <>
                  <dt>Labels</dt>
                  <dd class="row">
                    <Tag labels={order.labels} />
                  </dd>
                </>
              )}
              {order.group && (
                <>
                  <dt>Group</dt>
                  <dd>
                    <code>{order.group.id}</code>, number {order.group.place}
                  </dd>
                </>
              )}
              <dt>Trace</dt>
              <dd class="row">
                {order.trace_id ? (
                  <>
                    <code>{order.trace_id}</code> <Copy text={order.trace_id} what="the trace id" />
                  </>
                ) : (
                  <span class="soft">the client sent no traceparent</span>
                )}
              </dd>
            </dl>
          </div>
        </section>
        <Panel title="Timeline">
          <Timeline order={order} />
        </Panel>
      </div>
      <div class="stack">
        <StatusCopy order={order} />
        <Deliveries order={order} />
        {may("operate") && <Payload id={order.id} />}
      </div>
    </div>
  );
}
