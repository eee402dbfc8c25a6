/** Who does the work. */
import { useResource } from "../live/resource.ts";
import { amount, group } from "../time.ts";
import type { Worker, Workers } from "../types.ts";
import { Link } from "../view/link.tsx";
import { Fault, Meter, Panel, shortId, Skeleton, State, When } from "../view/parts.tsx";

const EVERY_MS = 5_000;

export function WorkersPage() {
  const list = useResource<Workers>("admin/workers", { every: EVERY_MS });
  const body = list.data.value;
  const alive = body?.workers.filter((one) => one.alive) ?? [];
  const offered = alive.reduce((sum, { concurrency }) => sum + (concurrency ?? 0), 0);
  const used = alive.reduce((sum, { running }) => sum + (running ?? 0), 0);
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>Workers</h1>
        {body && alive.length > 0 && (
          <span class="soft">
            {group(alive.length)} seen in the last minute, {group(used)} of {group(offered)} permits in use
          </span>
        )}
      </div>
      {list.failure.value && <Fault of={list.failure.value} retry={() => void list.load()} stale={!!body} />}
      {!body && !list.failure.value && <Skeleton rows={4} />}
      {body && alive.length === 0 && (
        <p class="banner bad">
          <strong>No worker has been seen in the last minute.</strong>
          <span class="detail">
            Orders are accepted, and wait. Start `offload-worker`, or read its log: it says why it stopped.
          </span>
        </p>
      )}
      {body && body.workers.length > 0 && (
        <div
          class={`panel scroller ${list.failure.value ? "stale" : ""}`}
          tabIndex={0}
          role="region"
          aria-label="Workers"
        >
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">Worker</th>
                <th scope="col">State</th>
                <th scope="col">Permits in use</th>
                <th scope="col" class="number">
                  Leases
                </th>
                <th scope="col" class="number">
                  Ended a minute
                </th>
                <th scope="col" class="number">
                  Mean
                </th>
                <th scope="col">Version</th>
                <th scope="col">Started</th>
                <th scope="col">Reported</th>
              </tr>
            </thead>
            <tbody>
              {body.workers.map((one) => (
                <Line key={one.name} of={one} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {body && body.orders_without_worker.length > 0 && (
        <Panel
          title="Orders without a living worker"
          aside={<span class="soft">their leases end, and another worker takes them</span>}
        >
          <ul class="inner lines">
            {body.orders_without_worker.map((order) => (
              <li key={order.id} class="row">
                <State of={order} />
                <Link to={`orders/${order.id}`}>
                  {order.kind ?? "order"} <code>…{shortId(order.id)}</code>
                </Link>
                <span class="soft">
                  last with {order.worker ?? "an unknown worker"}, changed <When at={order.updated_at} />
                </span>
              </li>
            ))}
          </ul>
        </Panel>
      )}
    </>
  );
}

function Line({ of }: { of: Worker }) {
  const share = of.concurrency && of.running !== null ? (of.running / of.concurrency) * 100 : undefined;
  return (
    <tr class={of.alive ? "" : "soft"}>
      <td>
        <code>{of.name}</code>
      </td>
      <td>
        <span class={`state ${of.alive ? "completed" : "cancelled"}`}>{of.alive ? "alive" : "gone"}</span>
      </td>
      <td>
        <span class="row">
          {share !== undefined && <Meter percent={share} />}
          {of.running ?? "–"} of {of.concurrency ?? "–"}
        </span>
      </td>
      <td class="number">{of.leases ?? "–"}</td>
      <td class="number">{of.finished_a_minute === null ? "–" : amount(of.finished_a_minute)}</td>
      <td class="number">{of.mean_seconds === null ? "–" : `${amount(of.mean_seconds)} s`}</td>
      <td>{of.version ?? "–"}</td>
      <td>
        <When at={of.started_at} />
      </td>
      <td>
        <When at={of.reported_at} />
      </td>
    </tr>
  );
}
