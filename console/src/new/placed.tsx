/** An order that was placed by the page, until its end, and what asking for it cost. */
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";

import { session } from "../live/client.ts";
import { bytes, clock, duration } from "../time.ts";
import { times } from "../preferences.ts";
import { Link } from "../view/link.tsx";
import { Code, Panel, shortId, State } from "../view/parts.tsx";
import type { Kept } from "./receipts.ts";
import { waitFor, type Way } from "./wait.ts";

const WAYS: { way: Way; label: string; about: string }[] = [
  { way: "s3", label: "Poll S3", about: "Conditional GETs of the status object, when the last answer said." },
  { way: "events", label: "Server-sent events", about: "One request to the service, which stays open." },
  { way: "websocket", label: "WebSocket", about: "One connection to the service, for many orders." },
];

export function PlacedOrder({ kept: { receipt, at } }: { kept: Kept }) {
  const [way, setWay] = useState<Way>("s3");
  const wait = useMemo(() => waitFor(receipt, way, at), [receipt, way]);
  useEffect(() => () => wait.stop(), [wait]);
  const now = useSignal(Date.now());
  useSignalEffect(() => {
    if (wait.doneAt.value !== undefined) return undefined;
    const timer = setInterval(() => (now.value = Date.now()), 200);
    return () => clearInterval(timer);
  });
  const status = wait.status.value;
  const end = wait.doneAt.value;
  const passed = (end ?? now.value) - at;
  const late = receipt.eta.p90_seconds * 1_000;
  const ways = WAYS.filter(({ way: one }) => one === "s3" || session.value?.service.has_push !== false);
  return (
    <Panel
      title={`Order …${shortId(receipt.id)}`}
      aside={
        <>
          <State of={{ status: status?.status ?? receipt.status }} />
          <Link class="spread" to={`orders/${receipt.id}`}>
            Open the order
          </Link>
        </>
      }
    >
      <div class="inner stack">
        <div class="tabs" role="group" aria-label="How this page learns of changes">
          {ways.map((one) => (
            <button
              key={one.way}
              type="button"
              class="button plain small"
              aria-pressed={way === one.way}
              disabled={end !== undefined}
              onClick={() => setWay(one.way)}
            >
              {one.label}
            </button>
          ))}
        </div>
        <p class="soft">{WAYS.find((one) => one.way === way)?.about}</p>
        <div>
          <svg
            class="race"
            viewBox="0 0 100 10"
            preserveAspectRatio="none"
            role="img"
            aria-label={`${duration(passed)} of the expected window`}
          >
            <rect class="track" y="4" width="100" height="2" />
            <rect
              class="span"
              x={share(receipt.eta.p10_seconds * 1_000, late, passed)}
              y="1"
              width={share(late - receipt.eta.p10_seconds * 1_000, late, passed)}
              height="8"
            />
            <rect class="done" y="4" width={share(passed, late, passed)} height="2" />
          </svg>
          <p class="row soft">
            <span>
              {end === undefined
                ? `${duration(Math.floor(passed / 1_000) * 1_000)} since it was placed`
                : `ended after ${duration(passed)}`}
            </span>
            <span class="spread">
              expected after {duration(receipt.eta.p10_seconds * 1_000)} to {duration(late)}
            </span>
          </p>
        </div>
        <dl class="score">
          <div>
            <dt>polls of S3</dt>
            <dd>{wait.polls.value.length}</dd>
          </div>
          <div>
            <dt>requests to the service</dt>
            <dd>{wait.asked.value}</dd>
          </div>
          {way !== "s3" && (
            <div>
              <dt>messages</dt>
              <dd>{wait.messages.value}</dd>
            </div>
          )}
          <div>
            <dt>a client that asks every 5 s</dt>
            <dd>{wait.fixed(now.value)}</dd>
          </div>
        </dl>
        {end !== undefined && way === "s3" && (
          <p role="status">
            Its end cost {wait.polls.value.length} {wait.polls.value.length === 1 ? "request" : "requests"} to S3, and
            none to the service.
          </p>
        )}
        {wait.fault.value && <p class="fault">{wait.fault.value}</p>}
        {wait.polls.value.length > 0 && (
          <ol class="polls">
            {wait.polls.value.slice(-8).map((poll) => (
              <li key={poll.at}>
                <span>{clock(poll.at, times.value)}</span> <code>GET</code> {poll.status}{" "}
                <span class="soft">{bytes(poll.size)}</span> {poll.etag && <code class="soft cut">{poll.etag}</code>}
              </li>
            ))}
          </ol>
        )}
        {status && (
          <Code
            what="the status object"
            text={JSON.stringify({ ...status, result_url: status.result_url && "…" }, null, 2)}
          />
        )}
      </div>
    </Panel>
  );
}

/** In percent of a bar that ends with the window, or now where that is later. */
function share(ms: number, late: number, passed: number): number {
  return Math.max(0, (ms / Math.max(late, passed, 1)) * 100);
}
