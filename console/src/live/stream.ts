/**
 * What happens, as it happens: one EventSource for all tabs of a browser.
 *
 * Each tab that is active asks for a lock; the one that gets it holds the stream, and repeats what
 * it gets on a channel. A tab that is hidden, paused, has rows selected or a dialog open is not
 * active: it lets go of both. As it becomes active again it loads what it has anew.
 */
import { computed, effect, signal } from "@preact/signals";

import { base } from "../router.ts";
import type { Action, Counts, Listed } from "../types.ts";
import { now } from "./clock.ts";
import { session } from "./client.ts";
import { recorded } from "./recorded.ts";

export type Message =
  | { event: "orders"; data: { as_of: string; orders: Listed[]; gone: string[] } }
  | { event: "counts"; data: Counts }
  | { event: "actions"; data: { actions: Action[] } }
  | { event: "beat"; data: { as_of: string } }
  /** Load anew: what happened in between is not known. */
  | { event: "resync"; data: null };

const EVENTS = ["orders", "counts", "actions", "beat"] as const;
/** Of the lock and the channel. It changes with what is said on the channel. */
const NAME = "offload-console-2";
/** Silence after which the page says that it is behind. */
const SILENCE_MS = 10_000;
/** How often lists are loaded where there is no stream, and when the stream is tried again. */
const POLL_MS = 5_000;
const RETRY_MS = 60_000;

export const paused = signal(false);
/** How many reasons there are to keep still: dialogs, selected rows. */
export const holds = signal(0);
const visible = signal(!document.hidden);
/** When the service last answered, in the browser's time. */
export const answeredAt = signal(Date.now());
/** Whether this browser loads by time, because there is no stream. */
export const polling = signal(false);

export const active = computed(
  () => visible.value && !paused.value && holds.value === 0 && !!session.value && !recorded,
);

export type LiveState = "recorded" | "paused" | "held" | "late" | "polling" | "live";
export const liveState = computed<LiveState>(() => {
  if (recorded) return "recorded";
  if (paused.value) return "paused";
  if (holds.value > 0) return "held";
  void now.value;
  if (Date.now() - answeredAt.value > SILENCE_MS) return "late";
  return polling.value ? "polling" : "live";
});

const receivers = new Set<(message: Message) => void>();

/** Calls with every message until the returned function is called. */
export function receive(receiver: (message: Message) => void): () => void {
  receivers.add(receiver);
  return () => receivers.delete(receiver);
}

export function answered(): void {
  answeredAt.value = Date.now();
}

function dispatch(message: Message): void {
  if (message.event !== "resync") answered();
  for (const receiver of receivers) receiver(message);
}

/** Takes orders that an answer brought, as if the stream had. */
export function take(orders: Listed[]): void {
  dispatch({ event: "orders", data: { as_of: new Date().toISOString(), orders, gone: [] } });
}

/** A message between tabs. Its data stay the text that the service sent, which costs nothing to copy. */
interface Sent {
  event: Message["event"];
  data: string;
}

const messageOf = ({ event, data }: Sent): Message => ({ event, data: JSON.parse(data) }) as Message;

/** Joins the tabs that are live. Returns how to leave. */
function join(): () => void {
  const leave = new AbortController();
  const channel = "BroadcastChannel" in window ? new BroadcastChannel(NAME) : null;
  channel?.addEventListener("message", ({ data }: MessageEvent<Sent>) => {
    polling.value = data.event === "resync";
    dispatch(messageOf(data));
  });
  const repeat = (sent: Sent): void => {
    dispatch(messageOf(sent));
    channel?.postMessage(sent);
  };
  const hold = (): Promise<void> => stream(repeat, leave.signal);
  // Locks exist in secure contexts alone. Elsewhere each tab has a stream of its own.
  if (navigator.locks && channel) {
    navigator.locks.request(NAME, { signal: leave.signal }, hold).catch(() => undefined);
  } else {
    void hold();
  }
  return () => {
    leave.abort();
    channel?.close();
  };
}

/** Holds the stream until the tab leaves. Where there is none, has lists loaded by time. */
async function stream(repeat: (sent: Sent) => void, left: AbortSignal): Promise<void> {
  while (!left.aborted) {
    const source = new EventSource(new URL("admin/events", base));
    // What happened before the stream was open is not repeated by the service.
    source.addEventListener("open", () => {
      polling.value = false;
      dispatch({ event: "resync", data: null });
      answered();
    });
    for (const event of EVENTS) {
      source.addEventListener(event, ({ data }: MessageEvent<string>) => repeat({ event, data }));
    }
    await new Promise<void>((resolve) => {
      left.addEventListener("abort", () => resolve(), { once: true });
      // After a broken connection EventSource tries again by itself, after an error it does not.
      source.addEventListener("error", () => source.readyState === EventSource.CLOSED && resolve());
    });
    source.close();
    if (left.aborted) return;
    await poll(repeat, left);
  }
}

async function poll(repeat: (sent: Sent) => void, left: AbortSignal): Promise<void> {
  polling.value = true;
  for (let waited = 0; waited < RETRY_MS && !left.aborted; waited += POLL_MS) {
    repeat({ event: "resync", data: "null" });
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      left.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}

/** Begins. Called once. */
export function startLive(): void {
  document.addEventListener("visibilitychange", () => (visible.value = !document.hidden));
  let before = false;
  effect(() => {
    if (!active.value) return undefined;
    answeredAt.value = Date.now();
    // The first time, everything is being loaded already.
    if (before) dispatch({ event: "resync", data: null });
    before = true;
    return join();
  });
}
