/** A body of the admin API, kept fresh while a page has it. */
import { type ReadonlySignal, signal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";

import { Failure, read } from "./client.ts";
import { active, answered, receive, type Message } from "./stream.ts";

export interface Resource<T> {
  /** The last good one; it stays while a later request fails. */
  data: ReadonlySignal<T | undefined>;
  failure: ReadonlySignal<Failure | undefined>;
  busy: ReadonlySignal<boolean>;
  load: () => Promise<void>;
  put: (data: T) => void;
}

export function resource<T>(path: string): Resource<T> {
  const data = signal<T | undefined>(undefined);
  const failure = signal<Failure | undefined>(undefined);
  const busy = signal(false);
  let running: Promise<void> | undefined;
  let again = false;
  const once = async (): Promise<void> => {
    try {
      const body = await read<T>(path);
      data.value = body;
      failure.value = undefined;
      answered();
    } catch (error) {
      failure.value = asFailure(error);
    }
  };
  // One request at a time; who asks meanwhile gets one that began later.
  const load = (): Promise<void> => {
    if (running) again = true;
    busy.value = true;
    running ??= (async () => {
      do {
        again = false;
        await once();
      } while (again);
      running = undefined;
      busy.value = false;
    })();
    return running;
  };
  return { data, failure, busy, load, put: (body) => ((data.value = body), (failure.value = undefined)) };
}

export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  const { problem, status } = error as Partial<Failure>;
  if (problem) return new Failure(problem, status ?? 0);
  return new Failure({ type: "about:blank/page", title: "The page made a mistake", detail: String(error) }, 0);
}

export interface Freshness<T> {
  /** Takes a message of the stream. Returns whether to load anew. */
  take?: (message: Message, resource: Resource<T>) => boolean;
  /** Loads anew so often, in milliseconds, while the page is live. */
  every?: number;
}

/** The least time between two requests that messages of the stream ask for. */
const SOON_MS = 1_000;

/** A resource for a component. It is loaded now, and again whenever the stream cannot vouch for it. */
export function useResource<T>(path: string, { take, every }: Freshness<T> = {}): Resource<T> {
  const one = useMemo(() => resource<T>(path), [path]);
  useEffect(() => {
    void one.load();
    let soon: ReturnType<typeof setTimeout> | undefined;
    const leave = receive((message) => {
      if (message.event === "resync") void one.load();
      else if (take?.(message, one)) soon ??= setTimeout(() => ((soon = undefined), void one.load()), SOON_MS);
    });
    return () => (clearTimeout(soon), leave());
  }, [one]);
  useSignalEffect(() => {
    if (!every || !active.value) return undefined;
    const timer = setInterval(() => void one.load(), every);
    return () => clearInterval(timer);
  });
  return one;
}
