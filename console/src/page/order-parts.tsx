/** The panels of an order's page. */
import { useEffect, useState } from "preact/hooks";

import { type Failure, may, readPayload } from "../live/client.ts";
import { now } from "../live/clock.ts";
import { recorded } from "../live/recorded.ts";
import { asFailure } from "../live/resource.ts";
import { FIXED_MS } from "../new/wait.ts";
import { openAct } from "../orders/act-dialog.tsx";
import { times } from "../preferences.ts";
import { bytes, clock, duration, group } from "../time.ts";
import type { Moment, OrderDetail } from "../types.ts";
import { Code, Fault, Panel, When } from "../view/parts.tsx";

const EVENTS: Record<string, string> = {
  accepted: "Accepted",
  not_before: "May start",
  redriven: "Redriven",
  started: "Started",
  attempt_failed: "The attempt failed",
  progress: "Progress",
  cancel_requested: "Cancellation was asked for",
  completed: "Completed",
  failed: "Failed",
  cancelled: "Cancelled",
  delivery: "Notification",
};

export function Timeline({ order }: { order: OrderDetail }) {
  return (
    <ol class="timeline inner">
      {order.timeline.map((one, index) => (
        <li key={`${one.at}${one.event}${index}`} class={one.event}>
          <b>{EVENTS[one.event] ?? one.event}</b>
          {one.attempt !== null && one.attempt !== undefined && one.event !== "accepted" && (
            <span class="soft">attempt {one.attempt}</span>
          )}
          <span class="soft spread">
            <time dateTime={one.at}>{clock(Date.parse(one.at), times.value, false)}</time>{" "}
            {since(order.timeline, index)}
          </span>
          {one.detail && <p class="soft">{one.detail}</p>}
        </li>
      ))}
    </ol>
  );
}

/** How long after the moment before. */
function since(all: Moment[], index: number): string {
  const [before, one] = [all[index - 1], all[index]];
  return before && one ? `+${duration(Math.max(0, Date.parse(one.at) - Date.parse(before.at)))}` : "";
}

interface Copy {
  text: string;
  etag: string | null;
  status: number;
}

/** The status object as a client has it: read from S3 by the page itself, once for each revision. */
export function StatusCopy({ order }: { order: OrderDetail }) {
  const [copy, setCopy] = useState<Copy>();
  const [fault, setFault] = useState<string>();
  const [polls, setPolls] = useState(0);
  const { status_url: url, revision, status_object: object } = order;
  useEffect(() => {
    if (!url || recorded) return undefined;
    const left = new AbortController();
    fetch(url, { cache: "no-cache", signal: left.signal })
      .then(async (response) => {
        setPolls((count) => count + 1);
        setCopy({ text: await response.text(), etag: response.headers.get("etag"), status: response.status });
        setFault(response.ok ? undefined : `S3 answered ${response.status}.`);
      })
      // The body can fail as well as the head.
      .catch(
        (error: unknown) => left.signal.aborted || setFault(`S3 could not be read by this page: ${String(error)}`),
      );
    return () => left.abort();
  }, [revision]);
  const end = order.finished_at ? Date.parse(order.finished_at) : now.value;
  const fixed = Math.max(1, Math.ceil((end - Date.parse(order.created_at)) / FIXED_MS));
  const text = copy?.status === 200 ? pretty(copy.text) : JSON.stringify(object, null, 2);
  return (
    <Panel
      title="Status object"
      aside={
        <span class="soft">
          {copy?.status === 200 ? `as in S3, ${bytes(copy.text.length)}` : "as the service has it"}
          {copy?.etag && (
            <>
              , ETag <code>{copy.etag.slice(0, 9)}…</code>
            </>
          )}
        </span>
      }
    >
      <div class="inner stack">
        <p class="soft">
          {polls > 0 ? `Read ${polls === 1 ? "once" : `${polls} times`} by this page. ` : ""}A client that asks every
          five seconds {order.finished_at ? "sent" : "has sent"} {group(fixed)} {fixed === 1 ? "request" : "requests"}{" "}
          so far.
        </p>
        {fault && <p class="fault">{fault}</p>}
        <Code text={withoutUrls(text)} what="the status object" />
      </div>
    </Panel>
  );
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/** Without signatures, which open what they sign to everyone who sees the screen. */
const withoutUrls = (text: string): string => text.replace(/(https?:[^"?]+)\?[^"]*/g, "$1?…");

export function Payload({ id }: { id: string }) {
  const [payload, setPayload] = useState<string>();
  const [failure, setFailure] = useState<Failure>();
  const load = async (): Promise<void> => {
    try {
      setPayload(JSON.stringify(await readPayload(id), null, 2));
      setFailure(undefined);
    } catch (error) {
      setFailure(asFailure(error));
    }
  };
  return (
    <Panel
      title="Payload"
      aside={
        <button
          type="button"
          class="button small spread"
          aria-expanded={payload !== undefined}
          onClick={() => (payload === undefined ? void load() : setPayload(undefined))}
        >
          {payload === undefined ? "Reveal" : "Hide"}
        </button>
      }
    >
      {failure ? (
        <div class="inner">
          <Fault of={failure} />
        </div>
      ) : payload === undefined ? (
        <p class="inner soft">What the client sent may be private. It is read when you ask for it.</p>
      ) : (
        <div class="inner">
          <Code text={payload} what="the payload" />
        </div>
      )}
    </Panel>
  );
}

export function Deliveries({ order }: { order: OrderDetail }) {
  if (order.deliveries.length === 0 && !order.webhook_host) return null;
  return (
    <Panel
      title="Deliveries"
      aside={
        may("operate") &&
        order.webhook_host && (
          <button type="button" class="button small spread" onClick={() => openAct("replay", [order])}>
            Send again
          </button>
        )
      }
    >
      {order.deliveries.length === 0 ? (
        <p class="inner soft">Nothing was sent to {order.webhook_host} yet.</p>
      ) : (
        <div class="scroller" tabIndex={0} role="region" aria-label="Deliveries">
          <table class="plain-table">
            <thead>
              <tr>
                <th scope="col">Revision</th>
                <th scope="col">State</th>
                <th scope="col">Attempts</th>
                <th scope="col">Last</th>
              </tr>
            </thead>
            <tbody>
              {order.deliveries.map(({ channel, revision, state, attempts }) => {
                const last = attempts.at(-1);
                return (
                  <tr key={`${channel}${revision}`}>
                    <td>
                      {channel} {revision}
                    </td>
                    <td>
                      <span
                        class={`state ${state === "delivered" ? "completed" : state === "retrying" ? "warn" : "failed"}`}
                      >
                        {state.replace("_", " ")}
                      </span>
                    </td>
                    <td>{attempts.length}</td>
                    <td class="wraps">
                      <When at={last?.at} /> {last?.status ?? ""} <span class="soft">{last?.error}</span>
                    </td>
                  </tr>
                );
              })}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
