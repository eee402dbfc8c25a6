/** Orders that failed, by reason. */
import { useRef } from "preact/hooks";

import { may } from "../live/client.ts";
import { counts } from "../live/counts.ts";
import { useResource } from "../live/resource.ts";
import type { Message } from "../live/stream.ts";
import { openBulk } from "../orders/bulk-dialog.tsx";
import { ListView } from "../orders/list-view.tsx";
import { groupsOf } from "../orders/reasons.ts";
import { route } from "../router.ts";
import { group } from "../time.ts";
import type { OrderPage } from "../types.ts";
import { Link } from "../view/link.tsx";
import { Fault, Panel, Skeleton, When } from "../view/parts.tsx";

/** The newest of them, from which the groups are made. */
const NEWEST = "admin/orders?q=state%3Adead&limit=100";

const changesThem = (message: Message): boolean =>
  message.event === "orders" &&
  (message.data.gone.length > 0 ||
    message.data.orders.some(({ status, generation }) => status === "failed" || generation > 1));

export function Dead() {
  const first = useResource<OrderPage>(NEWEST, { take: changesThem });
  const body = first.data.value;
  // A list that was there stays, when its last row is redriven: nothing is taken from under the hand.
  const had = useRef(false);
  had.current ||= !!body && body.orders.length > 0;
  const reason = route.value.query.get("reason") ?? "";
  const filter = reason ? `state:dead reason:${reason}` : "state:dead";
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>Dead letters</h1>
        <FailedForGood />
        {may("operate") && body && body.orders.length > 0 && (
          <span class="row spread">
            <button type="button" class="button" onClick={() => openBulk("redrive", filter)}>
              Redrive {reason ? "this group" : "all"}…
            </button>
            <button type="button" class="button danger" onClick={() => openBulk("purge", filter)}>
              Purge {reason ? "this group" : "all"}…
            </button>
          </span>
        )}
      </div>
      {first.failure.value && <Fault of={first.failure.value} retry={() => void first.load()} stale={!!body} />}
      {!body && !first.failure.value && <Skeleton rows={3} />}
      {body && body.orders.length > 0 && <Groups page={body} chosen={reason} />}
      {(reason || had.current) && (
        <ListView
          q={filter}
          label={reason ? `Dead letters: ${reason}` : "Dead letters"}
          verbs={["redrive", "purge"]}
          empty={() => <p class="panel empty">No dead letter of this reason is left.</p>}
        />
      )}
      {body && !had.current && !reason && (
        <div class="panel empty">
          <h2>No dead letter</h2>
          <p>
            An order comes here when it has failed at every attempt, or its message was moved to the dead-letter queue.
            Redrive gives it all its attempts again.
          </p>
        </div>
      )}
    </>
  );
}

/** Failures that no further attempt would change are in the list of failed orders alone. */
function FailedForGood() {
  const { failed, dead } = counts.data.value ?? {};
  const rest = (failed?.count ?? 0) - (dead?.count ?? 0);
  if (rest <= 0) return null;
  return (
    <span class="soft">
      <Link to="orders?q=state%3Afailed">
        {group(rest)}
        {failed?.more && "+"} more
      </Link>{" "}
      failed for good, and cannot be redriven
    </span>
  );
}

function Groups({ page, chosen }: { page: OrderPage; chosen: string }) {
  const groups = groupsOf(page.orders);
  return (
    <Panel
      title="By reason"
      aside={
        <span class="soft">
          {page.next === null ? `of all ${group(page.orders.length)}` : `of the newest ${group(page.orders.length)}`}
        </span>
      }
    >
      <div class="scroller" tabIndex={0} role="region" aria-label="Reasons">
        <table class="plain-table">
          <thead>
            <tr>
              <th scope="col">Reason</th>
              <th scope="col" class="number">
                Orders
              </th>
              <th scope="col">Last</th>
              <th scope="col" class="wide">
                For example
              </th>
            </tr>
          </thead>
          <tbody>
            {groups.map(({ reason, title, count, last, example }) => (
              <tr key={reason} class={reason === chosen ? "chosen" : ""}>
                <td>
                  <Link
                    to={reason === chosen ? "dead" : `dead?reason=${encodeURIComponent(reason)}`}
                    aria-current={reason === chosen ? "true" : undefined}
                  >
                    {title}
                  </Link>
                  <br />
                  <code class="soft">{reason}</code>
                </td>
                <td class="number">{group(count)}</td>
                <td>
                  <When at={last} />
                </td>
                <td class="wide wraps soft">{example}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Panel>
  );
}
