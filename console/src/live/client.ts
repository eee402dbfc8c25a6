/** Requests to the admin API. A body that was read is asked for again by its ETag. */
import { signal } from "@preact/signals";

import { base } from "../router.ts";
import type { Problem, Session } from "../types.ts";
import { Inexact, parseExact } from "./exact.ts";
import { recorded } from "./recorded.ts";

/** The longest that the page waits for an answer. */
const PATIENCE_MS = 15_000;
/** Bodies that are kept for their ETags. */
const KEPT = 50;

/** Who the page acts for: `undefined` until that is known, `null` where a key is needed. */
export const session = signal<Session | null | undefined>(undefined);

/** The server's clock less the browser's, where they are far apart. */
export const skew = signal(0);

/** A request that failed: what happened, and by which id the service's log has it. */
export class Failure extends Error {
  constructor(
    readonly problem: Problem,
    readonly status: number,
  ) {
    super(problem.title);
  }

  /** The last segment of the problem's type. */
  get slug(): string {
    return slug(this.problem);
  }
}

export function slug(problem: Pick<Problem, "type">): string {
  return problem.type.split("/").pop() || "unknown";
}

const kept = new Map<string, { etag: string; body: unknown }>();

/** Reads a path behind the base. */
export async function read<T>(path: string): Promise<T> {
  if (recorded) return (await recorded).read<T>(path);
  const known = kept.get(path);
  const response = await request(path, { headers: known ? { "if-none-match": known.etag } : {} });
  if (response.status === 304 && known) return known.body as T;
  const body: T = await json(response);
  const etag = response.headers.get("etag");
  kept.delete(path);
  if (etag) kept.set(path, { etag, body });
  for (const oldest of [...kept.keys()].slice(0, Math.max(0, kept.size - KEPT))) kept.delete(oldest);
  return body;
}

/** Reads an order with what its client sent, digit for digit. */
export async function readPayload(id: string): Promise<unknown> {
  if (recorded) return (await recorded).refuse();
  const response = await request(`admin/orders/${id}?payload=true`, { headers: {} });
  try {
    return (parseExact(await response.text()) as { payload: unknown }).payload;
  } catch (error) {
    const detail =
      error instanceof Inexact ? `${error.message}: offload orders show ${id} --payload has them` : undefined;
    throw new Failure(
      { type: "about:blank/unreadable", title: "The payload cannot be displayed", detail },
      response.status,
    );
  }
}

/** Sends a change; `undefined` is the answer without a body. */
export async function send<T>(
  method: "POST" | "DELETE",
  path: string,
  body?: unknown,
  headers?: HeadersInit,
): Promise<T> {
  if (recorded) return (await recorded).refuse();
  const response = await request(path, {
    method,
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
  });
  return response.status === 204 ? (undefined as T) : json(response);
}

async function request(path: string, init: RequestInit & { headers: HeadersInit }): Promise<Response> {
  let response: Response;
  try {
    const headers = { accept: "application/json", ...init.headers };
    const signal = AbortSignal.timeout(PATIENCE_MS);
    response = await fetch(new URL(path, base), { ...init, headers, signal, cache: "no-store" });
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    const title = late ? "The service did not answer in time" : "The service cannot be reached";
    throw new Failure({ type: "about:blank/unreachable", title, detail: `${new URL(path, base).origin} was asked` }, 0);
  }
  measureSkew(response.headers.get("date"));
  if (response.ok || response.status === 304) return response;
  const problem = await response.json().catch(() => null);
  const failure = new Failure(
    {
      type: "about:blank/unknown",
      title: `The service answered ${response.status}`,
      request_id: response.headers.get("x-request-id") ?? undefined,
      ...problem,
    },
    response.status,
  );
  if (response.status === 401 && !path.startsWith("order")) session.value = null;
  throw failure;
}

async function json<T>(response: Response): Promise<T> {
  try {
    return await response.json();
  } catch {
    const id = response.headers.get("x-request-id") ?? undefined;
    throw new Failure(
      { type: "about:blank/unreadable", title: "The service's answer could not be read", request_id: id },
      response.status,
    );
  }
}

function measureSkew(date: string | null): void {
  const off = date === null ? NaN : Date.parse(date) - Date.now();
  // The header has whole seconds, and an answer may be a second old.
  if (!Number.isNaN(off)) skew.value = Math.abs(off) > 5_000 ? off : 0;
}

/** Whether who the page acts for may do what needs a role. What it may not do is not offered. */
export function may(role: "operate" | "admin"): boolean {
  const roles = session.value?.roles ?? [];
  return roles.includes("admin") || roles.includes(role);
}
