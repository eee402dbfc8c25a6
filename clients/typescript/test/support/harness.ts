// A service and its client, for each test of a file anew.
import assert from "node:assert/strict";
import { afterEach, beforeEach } from "node:test";

import { OffloadClient, type OffloadClientOptions, type Retry, type StatusObject } from "../../src/index.js";
import { Service } from "./service.js";
import { Time } from "./time.js";

export const ORDER = { kind: "fulfilment", items: [{ sku: "A-1", quantity: 2 }] };

export let service: Service;
export let retries: Retry[];

beforeEach(async () => {
  service = await Service.start();
  retries = [];
});

afterEach(() => service.stop());

/**
 * A client without randomness: there is no jitter, and waits after failures are as short as they
 * get.
 */
export function client(options: Partial<OffloadClientOptions> = {}): OffloadClient {
  return new OffloadClient({
    api: service.api,
    random: () => 0.5,
    onRetry: (retry) => retries.push(retry),
    ...options,
  });
}

/** A client in a time of its own, which the service shares. */
export function timed(options: Partial<OffloadClientOptions> = {}) {
  const time = new Time();
  service.now = time.now;
  service.object = service.status({});
  return { time, client: client({ ...time, ...options }) };
}

/** Lets time pass until a promise is settled. */
export async function pass<T>(time: Time, p: Promise<T>): Promise<T> {
  let settled = false;
  const done = () => (settled = true);
  p.then(done, done);
  await time.run(() => settled);
  return p;
}

/** The estimate of an object, `from` and `to` in seconds from now. */
export function window(time: Time, from: number, to: number): NonNullable<StatusObject["eta"]> {
  const at = (seconds: number) => new Date(time.now() + seconds * 1_000).toISOString();
  return { earliest_at: at(from), at: at((from + to) / 2), latest_at: at(to) };
}

/** What a promise is rejected with. */
export async function rejection(p: Promise<unknown>): Promise<unknown> {
  try {
    await p;
  } catch (e) {
    return e;
  }
  return assert.fail("it did not fail");
}
