/** What a month costs: this service, and the other ways to learn of an order's end. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

import { useResource } from "../live/resource.ts";
import { route, setQuery } from "../router.ts";
import { group, money } from "../time.ts";
import type { Bill, BillLine, Channel, WayName } from "../types.ts";
import { Fault, Meter, Panel, Skeleton } from "../view/parts.tsx";

/** From the last key to the request. */
const TYPED_MS = 300;

const WAYS: Record<WayName, string> = {
  "typical-api": "Poll an API: function and REST gateway (typical)",
  "rest-api": "Poll an API: REST gateway, Rust function",
  "lean-api": "Poll an API: HTTP gateway, Rust function (lean)",
  "plain-s3": "Poll S3 by an interval",
  schedule: "Poll S3 by the schedule",
  websocket: "WebSocket",
  sse: "Server-sent events",
  webhook: "Webhook",
};
/** How clients of this service learn of the end, and the way that is. */
const CHANNELS: [Channel, WayName, string][] = [
  ["poll", "schedule", "Polls"],
  ["websocket", "websocket", "WebSocket"],
  ["sse", "sse", "Server-sent events"],
  ["webhook", "webhook", "Webhook"],
];
const NUMBERS = [
  ["orders", "Orders a month"],
  ["polls", "Polls by an interval"],
  ["run_seconds", "Seconds of work"],
  ["retention_days", "Days of retention"],
] as const;
const RUNTIMES = [
  ["lambda", "Lambda"],
  ["fargate", "Fargate"],
] as const;
const REGIONS = [
  ["eu-west-1", "eu-west-1"],
  ["us-east-1", "us-east-1"],
] as const;

const few = (n: number): string => (n < 100 && !Number.isInteger(n) ? n.toFixed(2) : group(n));

export function CostPage() {
  const { query } = route.value;
  const asked = useResource<Bill>(query.size > 0 ? `admin/cost?${query}` : "admin/cost");
  const failure = asked.failure.value;
  // Each scenario is a resource of its own: the bill of the last one stays until there is another.
  const last = useRef<Bill | undefined>(undefined);
  last.current = asked.data.value ?? last.current;
  const bill = last.current;
  const unrecorded = failure?.problem.type === "about:blank/recorded";
  return (
    <>
      <div class="heading">
        <h1 tabIndex={-1}>Cost</h1>
        {bill && (
          <span class="soft">
            a month, by AWS's list prices of {[...new Set(bill.prices_dated)].join(" to ")}, {bill.region}
          </span>
        )}
      </div>
      {unrecorded && <p class="soft">This was not recorded. `offload up` has the real page.</p>}
      {!bill && !failure && <Skeleton rows={6} />}
      {(bill || (failure && !unrecorded)) && <Scenario of={bill} fault={failure?.problem.detail ?? ""} />}
      {failure && !unrecorded && (
        <Fault of={failure} retry={failure.status === 400 ? undefined : () => void asked.load()} stale={!!bill} />
      )}
      {bill && (
        <div class={failure ? "stack stale" : "stack"}>
          <Answer of={bill} />
        </div>
      )}
    </>
  );
}

function Scenario({ of, fault }: { of: Bill | undefined; fault: string }) {
  const { query } = route.value;
  const { scenario } = of ?? {};
  const channels = query.get("channels")?.split(",") ?? scenario?.channels ?? [];
  const flip = (channel: Channel): void => {
    const next = CHANNELS.map(([one]) => one).filter((one) => channels.includes(one) !== (one === channel));
    setQuery("channels", next.join(","));
  };
  return (
    <Panel title="Scenario" aside={<span class="soft">it is in the URL</span>}>
      <form class="item inner" onSubmit={(event) => event.preventDefault()}>
        {NUMBERS.map(([name, label]) => (
          <NumberField
            key={name}
            name={name}
            label={label}
            value={query.get(name) ?? String(scenario?.[name] ?? "")}
            wrong={fault.startsWith(`${name} `)}
          />
        ))}
        <Choice
          name="runtime"
          label="The work runs in"
          value={query.get("runtime") ?? scenario?.runtime}
          of={RUNTIMES}
        />
        <Choice name="region" label="Region" value={query.get("region") ?? of?.region} of={REGIONS} />
        <fieldset class="checks">
          <legend>Clients learn of the end by</legend>
          {CHANNELS.map(([channel, , label]) => {
            const on = channels.includes(channel);
            return (
              <Check key={channel} on={on} fixed={on && channels.length === 1} onChange={() => flip(channel)}>
                {label}
              </Check>
            );
          })}
        </fieldset>
        <fieldset class="checks">
          <legend>Orders have</legend>
          <Check
            on={(query.get("keyed") ?? String(scenario?.keyed ?? true)) === "true"}
            onChange={(on) => setQuery("keyed", String(on))}
          >
            Idempotency keys
          </Check>
        </fieldset>
      </form>
    </Panel>
  );
}

/** What is typed goes into the URL when the typing stops; until the field is left, it stays as typed. */
function NumberField({ name, label, value, wrong }: { name: string; label: string; value: string; wrong: boolean }) {
  const id = useId();
  const [typed, setTyped] = useState<string | undefined>(undefined);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const put = (text: string): void => {
    clearTimeout(timer.current);
    setQuery(name, text.replace(/\s/g, ""));
  };
  return (
    <div class="field">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        class="input"
        inputMode="decimal"
        autoComplete="off"
        aria-invalid={wrong}
        value={typed ?? value}
        onInput={({ currentTarget }) => {
          const text = currentTarget.value;
          setTyped(text);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => put(text), TYPED_MS);
        }}
        onBlur={() => {
          if (typed !== undefined) put(typed);
          setTyped(undefined);
        }}
      />
    </div>
  );
}

function Choice({
  name,
  label,
  value,
  of,
}: {
  name: string;
  label: string;
  value: string | undefined;
  of: readonly (readonly [string, string])[];
}) {
  const id = useId();
  return (
    <div class="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} class="input" value={value} onChange={(event) => setQuery(name, event.currentTarget.value)}>
        {of.map(([one, text]) => (
          <option key={one} value={one}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}

function Check({
  on,
  fixed,
  onChange,
  children,
}: {
  on: boolean;
  fixed?: boolean;
  onChange: (on: boolean) => void;
  children: ComponentChildren;
}) {
  return (
    <label>
      <input
        type="checkbox"
        checked={on}
        disabled={fixed}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      {children}
    </label>
  );
}

function Answer({ of: bill }: { of: Bill }) {
  const { scenario, ways, calls } = bill;
  const most = Math.max(...ways.map(({ dollars }) => dollars));
  const used = CHANNELS.filter(([channel]) => scenario.channels.includes(channel)).map(([, way]) => way);
  const polls = (way: WayName): number | undefined =>
    way === "schedule" ? calls.gets : /api|s3/.test(way) ? scenario.polls : undefined;
  return (
    <>
      <ul class="tiles">
        <Tile
          name="In all"
          figure={money(bill.dollars)}
          about={`a month; ${money(sum(bill.idle))} of it without an order`}
        />
        <Tile name="A million orders" figure={money((bill.dollars / scenario.orders) * 1e6)} about="of such a month" />
        <BreakEven of={bill} api="lean-api" name="It pays beside a lean API" />
        <BreakEven of={bill} api="typical-api" name="It pays beside a typical API" />
      </ul>
      <div class="halves">
        <Panel title="How clients can learn of the end" aside={<span class="soft">what differs, a month</span>}>
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">Way</th>
                <th scope="col" class="number">
                  Dollars
                </th>
              </tr>
            </thead>
            <tbody>
              {ways.map(({ name, dollars }) => {
                const each = polls(name);
                return (
                  <tr key={name} class={used.includes(name) ? "chosen" : ""}>
                    <td class="wraps">
                      {WAYS[name] ?? name}{" "}
                      <span class="soft">
                        {[each !== undefined && `${few(each)} polls`, used.includes(name) && "in the scenario"]
                          .filter(Boolean)
                          .join(", ")}
                      </span>
                      <Meter wide percent={most > 0 ? (dollars / most) * 100 : 0} />
                    </td>
                    <td class="number">{money(dollars)}</td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </Panel>
        <Panel title="When it pays">
          <div class="inner stack">
            <p>{bill.advice}</p>
            <h3>Left out</h3>
            <ul class="bullets">
              {bill.left_out.map((what) => (
                <li key={what}>{what}</li>
              ))}
            </ul>
          </div>
        </Panel>
      </div>
      <Panel title="This service, line by line">
        <div class="scroller" tabIndex={0} role="region" aria-label="This service, line by line">
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col" class="number">
                  Quantity
                </th>
                <th scope="col">Unit</th>
                <th scope="col" class="number">
                  Dollars
                </th>
              </tr>
            </thead>
            <tbody>
              {bill.service.map(Line)}
              <tr>
                <th scope="rowgroup" colSpan={4}>
                  Without an order
                </th>
              </tr>
              {bill.idle.map(Line)}
              <tr>
                <th scope="row" colSpan={3}>
                  In all
                </th>
                <td class="number">
                  <b>{money(bill.dollars)}</b>
                </td>
              </tr>
            </tbody>
          </table>
        </div>
      </Panel>
    </>
  );
}

const sum = (lines: BillLine[]): number => lines.reduce((all, { dollars }) => all + dollars, 0);

function Line({ what, quantity, unit, dollars }: BillLine) {
  return (
    <tr>
      <td>{what}</td>
      <td class="number">{few(quantity)}</td>
      <td>{unit}</td>
      <td class="number">{money(dollars)}</td>
    </tr>
  );
}

function BreakEven({ of, api, name }: { of: Bill; api: WayName; name: string }) {
  const polls = of.break_even.find((one) => one.api === api)?.polls ?? null;
  return (
    <Tile
      name={name}
      figure={polls === null ? "never" : `from ${polls.toFixed(1)}`}
      about={polls === null ? "The API costs less however often it is polled." : "polls an order that the API gets"}
    />
  );
}

function Tile({ name, figure, about }: { name: string; figure: string; about: string }) {
  return (
    <li class="tile">
      <h2>{name}</h2>
      <p class="figure">{figure}</p>
      <p class="soft about">{about}</p>
    </li>
  );
}
