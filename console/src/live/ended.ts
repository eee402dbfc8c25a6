/**
 * Predictions and what came of them, from the stream: an order's first estimate is kept from its
 * first message, and compared with its end. Of what ended while the page was closed nothing is
 * known.
 */
import { signal } from "@preact/signals";

import { type Sample, sampleOf } from "../orders/sample.ts";
import type { EtaWindow } from "../types.ts";
import { receive } from "./stream.ts";

const SAMPLES_MAX = 500;
const OPEN_MAX = 2_000;
const first = new Map<string, EtaWindow>();

export const samples = signal<readonly Sample[]>([]);

export function startSamples(): void {
  receive((message) => {
    if (message.event !== "orders") return;
    const added: Sample[] = [];
    for (const order of message.data.orders) {
      const eta = first.get(order.id);
      if (order.eta && order.status === "pending" && order.generation === 1) {
        if (!eta && first.size < OPEN_MAX) first.set(order.id, order.eta);
        continue;
      }
      if (order.eta) continue;
      first.delete(order.id);
      const sample = eta && sampleOf(order, eta);
      if (sample) added.push(sample);
    }
    if (added.length > 0) samples.value = [...samples.value, ...added].slice(-SAMPLES_MAX);
  });
}
