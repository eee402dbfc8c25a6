/**
 * A list of orders that stays still while it is live: rows change in place, none is inserted and
 * none is removed until the person asks for it.
 */
import { batch, computed, signal, type Signal } from "@preact/signals";

import { now } from "../live/clock.ts";
import { type Failure, read } from "../live/client.ts";
import { asFailure } from "../live/resource.ts";
import { answered, type Message } from "../live/stream.ts";
import type { Listed, OrderPage, Status } from "../types.ts";
import { admits, parse } from "./filter.ts";

const PAGE = 100;
/** Rows that a page keeps; more need a narrower filter, or the command. */
export const ROWS_MAX = 10_000;
/** Rows that have left the list and are read again at a time. */
const LEFT_MAX = 10;
/** Orders of these go on, whatever list they are in. */
const OPEN: readonly Status[] = ["pending", "processing"];
/** Pages without a row that are read in a row, before the person is asked. */
const EMPTY_PAGES_MAX = 5;

export interface Row {
  id: string;
  order: Signal<Listed>;
}

/** Whether `next` is a later state than `known`. */
export function isNewer(next: Listed, known: Listed): boolean {
  return next.revision > known.revision || next.generation > known.generation;
}

export function orderList(q: string) {
  const terms = parse(q).terms;
  const rows = signal<readonly Row[]>([]);
  const byId = new Map<string, Row>();
  const fresh = signal<ReadonlyMap<string, Listed>>(new Map());
  const next = signal<string | null>(null);
  const searched = signal(0);
  const failure = signal<Failure | undefined>(undefined);
  const busy = signal(false);
  const loaded = signal(false);
  let generation = 0;

  const page = (after: string | null): Promise<OrderPage> => {
    const query = new URLSearchParams({ q, limit: String(PAGE) });
    if (after !== null) query.set("after", after);
    return read(`admin/orders?${query}`);
  };

  function add(orders: Listed[]): void {
    const added = orders.filter(({ id }) => !byId.has(id)).map((order) => ({ id: order.id, order: signal(order) }));
    for (const row of added) byId.set(row.id, row);
    patch(orders);
    if (added.length > 0) rows.value = [...rows.value, ...added];
  }

  function patch(orders: readonly Listed[]): void {
    for (const order of orders) {
      const row = byId.get(order.id);
      if (row && isNewer(order, row.order.peek())) row.order.value = order;
    }
  }

  /** Reads on, from the beginning or from where the list ends, until there are rows. */
  async function load(from: "start" | "end"): Promise<void> {
    if (busy.value && from === "end") return;
    const mine = (generation += 1);
    busy.value = true;
    try {
      let after = from === "start" ? null : next.value;
      let count = from === "start" ? 0 : searched.value;
      for (let empty = 0; empty < EMPTY_PAGES_MAX; empty += 1) {
        const got = await page(after);
        if (mine !== generation) return;
        count += got.searched;
        const replace = from === "start" && empty === 0;
        batch(() => {
          if (replace) {
            rows.value = [];
            byId.clear();
            fresh.value = new Map();
          }
          add(got.orders);
          searched.value = count;
          after = next.value = got.next;
          loaded.value = true;
          failure.value = undefined;
        });
        answered();
        if (got.next === null || got.orders.length > 0) break;
      }
    } catch (error) {
      if (mine === generation) failure.value = asFailure(error);
    } finally {
      if (mine === generation) busy.value = false;
    }
  }

  /** Reads the first page again, and changes only what is in the list already. */
  async function refresh(): Promise<void> {
    if (!loaded.value || busy.value) return load("start");
    try {
      const got = await page(null);
      batch(() => {
        take(got.orders);
        failure.value = undefined;
      });
      answered();
      await readLeft(got.orders);
    } catch (error) {
      failure.value = asFailure(error);
    }
  }

  /** Reads those that the first page no longer has, one by one: they may have ended meanwhile. */
  async function readLeft(first: readonly Listed[]): Promise<void> {
    const found = new Set(first.map(({ id }) => id));
    const mayChange = (order: Listed): boolean => OPEN.includes(order.status) || !hasLeft(order);
    const left = rows
      .peek()
      .slice(0, PAGE)
      .filter(({ id, order }) => !found.has(id) && mayChange(order.peek()));
    const readOne = ({ id }: Row): Promise<Listed | undefined> =>
      read<Listed>(`admin/orders/${id}`).catch(() => undefined);
    const now = await Promise.all(left.slice(0, LEFT_MAX).map(readOne));
    batch(() => patch(now.filter((order) => order !== undefined)));
  }

  function take(orders: readonly Listed[]): void {
    patch(orders);
    const unknown = orders.filter((order) => !byId.has(order.id));
    const changed = new Map(fresh.value);
    for (const order of unknown) {
      if (admits(terms, order, now.peek())) changed.set(order.id, order);
      else changed.delete(order.id);
    }
    if (unknown.length > 0) fresh.value = changed;
  }

  function receive(message: Message): void {
    if (message.event === "resync") void refresh();
    if (message.event === "orders") batch(() => take(message.data.orders));
  }

  /** Whether an order that is in the list would not be, if the list were read now. */
  const hasLeft = (order: Listed): boolean => admits(terms, order, now.peek()) === false;

  return {
    rows,
    fresh: computed(() => fresh.value.size),
    next,
    searched,
    failure,
    busy,
    loaded,
    isFull: computed(() => rows.value.length >= ROWS_MAX),
    load,
    receive,
    hasLeft,
    find: (id: string): Row | undefined => byId.get(id),
  };
}

export type OrderRows = ReturnType<typeof orderList>;
