/**
 * Waits for an order as a client of the service does, by one of three ways, and counts what it
 * sends. What a fixed interval of five seconds would have sent is counted beside it.
 */
import { batch, signal } from "@preact/signals";

import { base } from "../router.ts";
import type { Receipt, StatusObject } from "../types.ts";

export type Way = "s3" | "events" | "websocket";

/** The interval of the client that everyone writes first. */
export const FIXED_MS = 5_000;
/** A poll is sent no sooner than this after the one before, and no later. */
const LEAST_MS = 250;
const MOST_MS = 30_000;

export interface Poll {
  at: number;
  status: number;
  etag: string | null;
  size: number;
}

export function waitFor(receipt: Receipt, way: Way, startedAt: number) {
  const status = signal<StatusObject | undefined>(undefined);
  const polls = signal<readonly Poll[]>([]);
  /** Requests to the service itself: none by S3, one for a stream. */
  const asked = signal(0);
  const messages = signal(0);
  const fault = signal<string | undefined>(undefined);
  const doneAt = signal<number | undefined>(undefined);
  const stopped = new AbortController();

  function take(next: StatusObject): void {
    if (status.value && next.revision < status.value.revision) return;
    batch(() => {
      status.value = next;
      if (next.done) doneAt.value ??= Date.now();
    });
    if (next.done) stopped.abort();
  }

  async function byS3(url: string): Promise<void> {
    let wait = receipt.poll_after_ms;
    while (!stopped.signal.aborted) {
      await sleep(Math.min(MOST_MS, Math.max(LEAST_MS, wait)), stopped.signal);
      if (stopped.signal.aborted) return;
      try {
        // The browser sends the ETag by itself, and without a preflight.
        const response = await fetch(url, { cache: "no-cache", signal: stopped.signal });
        const text = await response.text();
        polls.value = [
          ...polls.value,
          { at: Date.now(), status: response.status, etag: response.headers.get("etag"), size: text.length },
        ];
        if (!response.ok) throw new Error(`S3 answered ${response.status}`);
        fault.value = undefined;
        const object = JSON.parse(text) as StatusObject;
        take(object);
        wait = object.poll_after_ms ?? FIXED_MS;
      } catch (error) {
        if (stopped.signal.aborted) return;
        fault.value = `A poll failed: ${error instanceof Error ? error.message : String(error)}. It is repeated.`;
        wait = FIXED_MS;
      }
    }
  }

  function byEvents(): void {
    const token = receipt.read_token ?? receipt.order_token;
    const source = new EventSource(new URL(`order/${receipt.id}/events?${new URLSearchParams({ token })}`, base));
    asked.value += 1;
    source.onmessage = ({ data }: MessageEvent<string>) => {
      messages.value += 1;
      take(JSON.parse(data));
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) fault.value = "The stream was refused.";
      else asked.value += 1;
    };
    stopped.signal.addEventListener("abort", () => source.close());
  }

  function byWebSocket(): void {
    const token = receipt.read_token ?? receipt.order_token;
    const url = new URL(`ws?${new URLSearchParams({ token })}`, base);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    asked.value += 1;
    socket.onmessage = ({ data }: MessageEvent<string>) => {
      messages.value += 1;
      const event = JSON.parse(data) as { data?: StatusObject };
      if (event.data?.id === receipt.id) take(event.data);
    };
    socket.onclose = () => {
      if (!stopped.signal.aborted) fault.value = "The connection was closed.";
    };
    stopped.signal.addEventListener("abort", () => socket.close(1000));
  }

  if (way === "events") byEvents();
  else if (way === "websocket") byWebSocket();
  else if (receipt.status_url) void byS3(receipt.status_url);
  else fault.value = "This deployment gives credentials in place of a URL: choose another way.";

  /** What a fixed interval would have sent until it had seen the end. */
  const fixed = (at: number): number => Math.max(1, Math.ceil(((doneAt.value ?? at) - startedAt) / FIXED_MS));

  return { status, polls, asked, messages, fault, doneAt, fixed, stop: () => stopped.abort() };
}

function sleep(ms: number, stopped: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    stopped.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
  });
}
