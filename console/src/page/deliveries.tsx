/** Notifications by where they go. */
import { useResource } from "../live/resource.ts";
import { now } from "../live/clock.ts";
import { duration, group } from "../time.ts";
import type { Deliveries, Endpoint } from "../types.ts";
import { Link } from "../view/link.tsx";
import { Fault, Skeleton, When } from "../view/parts.tsx";
import { TestForm } from "./test-form.tsx";

const EVERY_MS = 5_000;

export function DeliveriesPage() {
  const list = useResource<Deliveries>("admin/deliveries", { every: EVERY_MS });
  const body = list.data.value;
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>Deliveries</h1>
        {body && <span class="soft">by endpoint, of the last hour</span>}
      </div>
      {list.failure.value && <Fault of={list.failure.value} retry={() => void list.load()} stale={!!body} />}
      {!body && !list.failure.value && <Skeleton rows={4} />}
      {body?.endpoints.length === 0 && (
        <div class="panel empty">
          <h2>Nothing was delivered in the last hour</h2>
          <p>
            An order with <code>options.webhook_url</code> has its changes sent there, signed. Each attempt is on the
            order's page, where it can be sent again.
          </p>
          <Link class="button" to="new">
            Place an order
          </Link>
        </div>
      )}
      {body && body.endpoints.length > 0 && (
        <div
          class={`panel scroller ${list.failure.value ? "stale" : ""}`}
          tabIndex={0}
          role="region"
          aria-label="Endpoints"
        >
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">Endpoint</th>
                <th scope="col">Breaker</th>
                <th scope="col" class="number">
                  Success
                </th>
                <th scope="col" class="number">
                  Delivered
                </th>
                <th scope="col" class="number">
                  Failed
                </th>
                <th scope="col" class="number">
                  p50
                </th>
                <th scope="col" class="number">
                  p99
                </th>
                <th scope="col">Last</th>
              </tr>
            </thead>
            <tbody>
              {body.endpoints.map((one) => (
                <Line key={one.endpoint} of={one} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {body && <TestForm />}
      {body?.more && <p class="soft">There are more endpoints: the busiest are listed.</p>}
    </>
  );
}

function Line({ of }: { of: Endpoint }) {
  const tries = of.delivered + of.failed;
  const opens = of.breaker === "open" && of.retry_at ? Math.max(0, Date.parse(of.retry_at) - now.value) : undefined;
  return (
    <tr>
      <td>
        <code>{of.endpoint}</code>
      </td>
      <td>
        <span class={`state ${of.breaker === "closed" ? "completed" : of.breaker === "open" ? "failed" : "warn"}`}>
          {of.breaker.replace("_", " ")}
        </span>
        {opens !== undefined && <span class="soft"> tries in {duration(Math.ceil(opens / 1_000) * 1_000)}</span>}
      </td>
      <td class="number">{tries > 0 ? `${((of.delivered / tries) * 100).toFixed(of.failed > 0 ? 1 : 0)} %` : "–"}</td>
      <td class="number">{group(of.delivered)}</td>
      <td class="number">
        {group(of.failed)}
        {of.given_up > 0 && <span class="fault"> {group(of.given_up)} for good</span>}
      </td>
      <td class="number">{of.p50_ms === null ? "–" : duration(of.p50_ms)}</td>
      <td class="number">{of.p99_ms === null ? "–" : duration(of.p99_ms)}</td>
      <td class="wraps">
        <When at={of.last_at} /> <span class="fault">{of.last_error}</span>
      </td>
    </tr>
  );
}
