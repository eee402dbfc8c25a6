/** The figures of the whole service: the shell has them, whatever the page. */
import { effect } from "@preact/signals";

import type { Counts } from "../types.ts";
import { may, session } from "./client.ts";
import { resource } from "./resource.ts";
import { active, receive } from "./stream.ts";

/** Minutes pass without an event, and the figures move with them. */
const EVERY_MS = 15_000;

export const counts = resource<Counts>("admin/counts");

export function startCounts(): void {
  receive((message) => {
    if (message.event === "counts") counts.put(message.data);
    if (message.event === "resync" && may("admin")) void counts.load();
  });
  effect(() => {
    if (session.value && may("admin")) void counts.load();
  });
  effect(() => {
    if (!active.value || !may("admin")) return undefined;
    const timer = setInterval(() => void counts.load(), EVERY_MS);
    return () => clearInterval(timer);
  });
}
