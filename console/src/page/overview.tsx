/** What the service does now, and what of it needs a person. */
import { may, session } from "../live/client.ts";
import { now } from "../live/clock.ts";
import { counts } from "../live/counts.ts";
import { useResource } from "../live/resource.ts";
import type { Message } from "../live/stream.ts";
import { Progress } from "../orders/row.tsx";
import { amount, coarse, group } from "../time.ts";
import type { Counts, OrderPage, Series } from "../types.ts";
import { Link } from "../view/link.tsx";
import { atLeast, Fault, Panel, shortId, Skeleton, State, When } from "../view/parts.tsx";
import { Spark } from "../view/spark.tsx";
import { FirstRun } from "./first-run.tsx";

interface TileProps {
  name: string;
  figure: string;
  unit?: string | undefined;
  about?: string | undefined;
  series?: Series | undefined;
  to?: string;
  tone?: "bad" | undefined;
}

function Tile({ name, figure, unit, about, series, to, tone }: TileProps) {
  return (
    <li class={`tile ${tone ?? ""}`}>
      <h2>{to === undefined ? name : <Link to={to}>{name}</Link>}</h2>
      <p class="figure">
        {figure}
        {unit && <small> {unit}</small>}
      </p>
      {series ? <Spark series={series} of={name} /> : null}
      {about && <p class="soft about">{about}</p>}
    </li>
  );
}

const sum = (series: Series | undefined): number =>
  (series ?? []).reduce<number>((total, value) => total + (value ?? 0), 0);

/** The last whole minute; the running one has only begun. */
const lastMinute = (series: Series | undefined): number | undefined => series?.at(-2) ?? undefined;

function together(...all: (Series | undefined)[]): Series | undefined {
  const [first] = all;
  return first?.map((_, at) =>
    all.every((one) => one?.[at] === null) ? null : all.reduce((total, one) => total + (one?.[at] ?? 0), 0),
  );
}

export function isFirstRun(data: Counts): boolean {
  const { accepted, completed, failed, cancelled } = data.minutes;
  return (
    data.open?.count === 0 && data.failed?.count === 0 && sum(together(accepted, completed, failed, cancelled)) === 0
  );
}

const BANNERS: Record<string, { title: string; to: string; bad: boolean }> = {
  no_workers: { title: "No worker has been seen in the last minute", to: "workers", bad: true },
  dead_grew: { title: "More orders are dead-lettered", to: "dead", bad: true },
  oldest_over_deadline: { title: "An order is over its deadline", to: "orders?q=state:open", bad: true },
  store_failing: { title: "A store fails", to: "doctor", bad: true },
  credentials_end: { title: "The signer's credentials end soon", to: "doctor", bad: true },
};

function Banners({ of }: { of: Counts["banners"] }) {
  return (
    <>
      {of.map(({ kind, since, detail }) => {
        const { title, to, bad } = BANNERS[kind] ?? { title: kind, to: "", bad: false };
        return (
          <p key={kind} class={`banner ${bad ? "bad" : ""}`}>
            <strong>{title}</strong>
            <span class="detail">{detail}</span>
            {since && (
              <span class="soft">
                since <When at={since} />
              </span>
            )}
            {to && (
              <Link class="spread" to={to}>
                Open
              </Link>
            )}
          </p>
        );
      })}
    </>
  );
}

function Figures({ data }: { data: Counts }) {
  const { minutes, oldest_waiting: oldest, before_p90: share, polls, dead } = data;
  const ended = together(minutes.completed, minutes.failed, minutes.cancelled);
  const endedHour = sum(ended);
  const served = sum(polls?.api_reads);
  const fixed = sum(polls?.fixed_client);
  return (
    <>
      <ul class="tiles">
        <Tile
          name="Accepted"
          figure={amount(lastMinute(minutes.accepted) ?? NaN)}
          unit="a minute"
          about={`${amount(sum(minutes.accepted))} in the hour`}
          series={minutes.accepted}
          to="orders"
        />
        <Tile
          name="Ended"
          figure={amount(lastMinute(ended) ?? NaN)}
          unit="a minute"
          about={`${amount(endedHour)} in the hour`}
          series={ended}
          to="eta"
        />
        <Tile
          name="Waiting"
          figure={amount(data.waiting ?? NaN)}
          series={minutes.waiting}
          to="orders?q=state:pending"
        />
        <Tile
          name="Running"
          figure={amount(data.running ?? NaN)}
          unit={data.workers ? `of ${data.workers.concurrency}` : undefined}
          series={minutes.running}
          to="orders?q=state:processing"
        />
        <Tile
          name="Dead letters"
          figure={atLeast(dead)}
          series={minutes.dead}
          to="dead"
          tone={dead && dead.count > 0 ? "bad" : undefined}
        />
      </ul>
      <ul class="tiles second">
        <li class="tile">
          <h2>Oldest waiting</h2>
          <p class="figure">{oldest ? coarse(now.value - Date.parse(oldest.created_at)) : "–"}</p>
          <p class="soft about">
            {oldest ? <Link to={`orders/${oldest.id}`}>order …{shortId(oldest.id)}</Link> : "No order waits."}
          </p>
        </li>
        <Tile
          name="Ended before p90"
          figure={share ? `${Math.round(share.share * 100)} %` : "–"}
          about={
            share ? `of ${group(share.orders)} orders; 90 % would be exact` : "Not known before orders have ended."
          }
          to="eta"
        />
        <Tile
          name="Requests not served"
          figure={polls ? group(Math.max(0, fixed - served)) : "–"}
          unit="in an hour"
          about={
            polls
              ? `Clients that ask every five seconds would have sent ${group(fixed)}; the service answered ${group(served)}.`
              : undefined
          }
        />
        <Tile
          name="Reads of the api per order"
          figure={endedHour > 0 && polls ? (served / endedHour).toFixed(2) : "–"}
          about={
            endedHour > 0
              ? `${(fixed / endedHour).toFixed(1)} with an interval of five seconds; the rest goes to S3`
              : "Clients poll S3, not the service."
          }
        />
      </ul>
    </>
  );
}

export function Overview() {
  if (!may("admin")) return <OwnTenant />;
  const { data, failure } = counts;
  const body = data.value;
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>Overview</h1>
        {body && (
          <span class="soft">
            the last 60 minutes
            {body.minutes.accepted.length > 0 && session.value?.tenant ? ` of ${session.value.tenant}` : ""}
          </span>
        )}
      </div>
      {failure.value && <Fault of={failure.value} retry={() => void counts.load()} stale={!!body} />}
      {body ? (
        <div class={failure.value ? "stack stale" : "stack"}>
          <Banners of={body.banners} />
          {isFirstRun(body) && <FirstRun />}
          <Figures data={body} />
          {!isFirstRun(body) && <Previews />}
        </div>
      ) : (
        !failure.value && <Skeleton />
      )}
    </>
  );
}

const PREVIEW = 8;

/** The first orders of the lists that people open from here. */
function Previews() {
  return (
    <div class="halves">
      <Preview title="Open orders" q="" empty="No order is open." />
      <Preview title="Dead letters" q="state:dead" to="dead" empty="No order is dead-lettered." />
    </div>
  );
}

const changesThem = (message: Message): boolean => message.event === "orders";

function Preview({ title, q, to, empty }: { title: string; q: string; to?: string; empty: string }) {
  const first = useResource<OrderPage>(`admin/orders?${new URLSearchParams({ q, limit: String(PREVIEW) })}`, {
    take: changesThem,
  });
  const orders = first.data.value?.orders;
  return (
    <Panel
      title={title}
      aside={
        <Link class="spread" to={to ?? "orders"}>
          All
        </Link>
      }
    >
      {first.failure.value && (
        <div class="inner">
          <Fault of={first.failure.value} retry={() => void first.load()} />
        </div>
      )}
      {orders?.length === 0 && <p class="inner soft">{empty}</p>}
      <ul class="preview">
        {orders?.slice(0, PREVIEW).map((order) => (
          <li key={order.id}>
            <State of={order} />
            <Link to={`orders/${order.id}`}>
              <b>{order.kind ?? "order"}</b> <code>…{shortId(order.id)}</code>
            </Link>
            <span class="cut">
              <Progress order={order} />
            </span>
            <span class="soft">
              <When at={order.created_at} />
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** The figures are of the whole service: who has one tenant gets its orders. */
function OwnTenant() {
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>Overview</h1>
      </div>
      <div class="panel empty">
        <h2>Orders of {session.value?.tenant ?? "your tenant"}</h2>
        <p>The figures of the whole service need the role admin. These lists are yours:</p>
        <p class="row">
          <Link class="button" to="orders">
            Orders
          </Link>
          <Link class="button" to="dead">
            Dead letters
          </Link>
        </p>
      </div>
    </>
  );
}
