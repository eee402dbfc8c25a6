/** The small things of every page. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import { now } from "../live/clock.ts";
import { type Failure, slug } from "../live/client.ts";
import { times } from "../preferences.ts";
import { clock, moment } from "../time.ts";
import type { Bounded, Listed, Status } from "../types.ts";
import { Icon } from "./icon.tsx";
import { Link } from "./link.tsx";
import { notify } from "./toast.tsx";

export function State({
  of: { status, cancel_requested },
}: {
  of: Pick<Listed, "status"> & { cancel_requested?: boolean };
}) {
  const ending = cancel_requested && (status === "pending" || status === "processing");
  return <span class={`state ${ending ? "warn" : status}`}>{ending ? "cancelling" : status}</span>;
}

export const isFinal = (status: Status): boolean => status !== "pending" && status !== "processing";

/** A moment, as the person wants times; the whole of it on hover. */
export function When({ at }: { at: string | null | undefined }) {
  if (!at) return <span class="soft">–</span>;
  const ms = Date.parse(at);
  const text = times.value === "relative" ? moment(ms, now.value, "relative") : moment(ms, now.peek(), times.value);
  return (
    <time dateTime={at} title={`${clock(ms, "local", true)} here, ${clock(ms, "utc", true)}`}>
      {text}
    </time>
  );
}

/** The end of an id: those of one minute begin alike. */
export const shortId = (id: string): string => id.slice(-8);

export const atLeast = (figure: Bounded | null | undefined): string =>
  figure ? `${figure.count}${figure.more ? "+" : ""}` : "–";

/** What failed, the id by which the log has it, and a way to try again. */
export function Fault({ of: { problem }, retry, stale }: { of: Failure; retry?: () => void; stale?: boolean }) {
  return (
    <div class="banner bad" role="alert">
      <strong>{problem.title}</strong>
      {problem.detail && <span class="detail">{problem.detail}</span>}
      {problem.errors?.map(({ detail }) => (
        <span class="detail">{detail}</span>
      ))}
      {stale && <span class="detail">What is below is from before.</span>}
      {problem.request_id && <span class="soft">request {problem.request_id}</span>}
      {retry && (
        <button type="button" class="button small spread" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Reason({ of: problem }: { of: Listed["error"] }) {
  if (!problem) return null;
  return (
    <span title={problem.detail ?? undefined}>
      <code>{slug(problem)}</code>
    </span>
  );
}

/** Grey bars, which nobody sees who waits less than 150 ms. */
export function Skeleton({ rows = 6 }: { rows?: number }) {
  return (
    <div class="stack" role="status">
      <span class="hidden-text">Loading</span>
      {Array.from({ length: rows }, () => (
        <div class="skeleton" />
      ))}
    </div>
  );
}

export function Copy({ text, label = "Copy", what }: { text: string | (() => string); label?: string; what: string }) {
  const [done, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    const value = typeof text === "string" ? text : text();
    try {
      await navigator.clipboard.writeText(value);
      setDone(true);
      setTimeout(() => setDone(false), 2_000);
      notify(`${what} copied`);
    } catch {
      notify("The browser does not let the page copy: select the text instead");
    }
  };
  return (
    <button type="button" class="button small" aria-label={`Copy ${what}`} onClick={() => void copy()}>
      <Icon name={done ? "check" : "copy"} />
      {label}
    </button>
  );
}

export function Code({ text, what }: { text: string; what: string }) {
  return (
    <div class="code">
      <pre tabIndex={0}>{text}</pre>
      <Copy text={text} what={what} />
    </div>
  );
}

export function Panel({
  title,
  aside,
  children,
}: {
  title: string;
  aside?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section class="panel">
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}

export function Tag({ labels }: { labels: Record<string, string> }) {
  const entries = Object.entries(labels);
  return (
    <>
      {entries.map(([name, value]) => (
        <Link
          key={name}
          class="label"
          title={value ? `${name}=${value}` : name}
          aria-label={`Orders with ${name}${value ? ` ${value}` : ""}`}
          to={`orders?${new URLSearchParams({ q: `label:${/\s/.test(value) ? `${name}="${value}"` : `${name}=${value}`}` })}`}
        >
          {value || name}
        </Link>
      ))}
    </>
  );
}

/** How much of something is done, in percent. One element: tables have many. */
export function Meter({ percent, wide }: { percent: number; wide?: boolean }) {
  return <span class={wide ? "meter wide" : "meter"} style={{ "--done": `${percent}%` }} aria-hidden="true" />;
}
