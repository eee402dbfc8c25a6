// An api and an S3 on real sockets, for tests.
import { type IncomingHttpHeaders, type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { Receipt, StatusObject } from "../../src/index.js";

/** A request that the service received. */
export interface Received {
  readonly on: "api" | "s3";
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Scripted {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
  /** No response: the connection is closed. */
  readonly cut?: boolean;
  /** No response: the connection stays open. */
  readonly hang?: boolean;
}

export const ID = "0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f";
export const TOKEN = "v1.token-of-the-order";

/** S3's XML for an error. */
export function s3Error(status: number, code: string): Scripted {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>m</Message></Error>`;
  return { status, headers: { "content-type": "application/xml" }, body };
}

/** The api's JSON for an error. */
export function problem(
  status: number,
  slug: string,
  more: object = {},
  headers: Record<string, string> = {},
): Scripted {
  const body = { type: `https://status-offload.dev/problems/${slug}`, title: slug, status, detail: "why", ...more };
  return { status, headers: { "content-type": "application/problem+json", ...headers }, body: JSON.stringify(body) };
}

/** One order's service. It responds as the real one does, except where `next` says otherwise. */
export class Service {
  readonly received: Received[] = [];
  /** Responses to send before the usual ones. */
  readonly next: Record<"api" | "s3", Scripted[]> = { api: [], s3: [] };
  /** The status object in S3. */
  object: StatusObject;
  /** The estimate in the receipt, in seconds. */
  eta = { p10: 0.02, p50: 0.05, p90: 0.1 };
  /** The service's clock. */
  now = () => Date.now();
  /** Whether responses have a `Date`. */
  dated = true;
  /** Called at each poll, before the response. */
  onPoll: (poll: number) => void = () => {};
  /** How long status URLs live, in milliseconds. */
  ttl = 3_600_000;
  #urls = 0;

  private constructor(
    readonly servers: readonly Server[],
    readonly api: string,
    readonly s3: string,
  ) {
    this.object = this.status({});
  }

  static async start(): Promise<Service> {
    const listen = async (on: "api" | "s3") => {
      const server = createServer((request, response) => {
        let body = "";
        request.on("data", (chunk: Buffer) => (body += chunk.toString()));
        request.on("end", () => {
          const { method = "", url = "", headers } = request;
          service.received.push({ on, method, path: url, headers, body });
          const scripted = service.next[on].shift() ?? service.#usual(on, method, url, headers);
          if (scripted.hang) {
            return;
          }
          if (scripted.cut) {
            request.socket.destroy();
            return;
          }
          response.sendDate = false;
          if (service.dated) {
            response.setHeader("date", new Date(service.now()).toUTCString());
          }
          response.writeHead(scripted.status, scripted.headers);
          response.end(scripted.body);
        });
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    };
    const servers = [await listen("api"), await listen("s3")] as const;
    const address = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const service: Service = new Service(servers, address(servers[0]), address(servers[1]));
    return service;
  }

  async stop(): Promise<void> {
    for (const server of this.servers) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  /** Overwrites the status object. */
  write(change: Partial<StatusObject>): void {
    this.object = this.status({ ...this.object, revision: this.object.revision + 1, ...change });
  }

  finish(change: Partial<StatusObject> = {}): void {
    this.write({ status: "completed", done: true, eta: null, poll_after_ms: null, result: { parcels: 1 }, ...change });
  }

  polls(): Received[] {
    return this.received.filter((r) => r.on === "s3");
  }

  apiRequests(method: string): Received[] {
    return this.received.filter((r) => r.on === "api" && r.method === method);
  }

  status(change: Partial<StatusObject>): StatusObject {
    const now = new Date(this.now()).toISOString();
    return {
      id: ID,
      status: "pending",
      done: false,
      revision: 1,
      attempt: 0,
      created_at: now,
      updated_at: now,
      started_at: null,
      finished_at: null,
      progress: null,
      eta: null,
      poll_after_ms: 50,
      result: null,
      result_url: null,
      result_url_expires_at: null,
      error: null,
      renew: `${this.api}/order/${ID}`,
      ...change,
    };
  }

  receipt(change: Partial<Receipt> = {}): Receipt {
    const { p10, p50, p90 } = this.eta;
    const now = this.now();
    return {
      id: ID,
      status: "pending",
      ...this.#url(),
      eta: {
        seconds: p50,
        p10_seconds: p10,
        p90_seconds: p90,
        at: new Date(now + p50 * 1_000).toISOString(),
        queue_depth: 0,
        basis: "configured",
      },
      poll_after_ms: 50,
      order_token: TOKEN,
      read_token: TOKEN,
      token_expires_at: new Date(now + 3_600_000).toISOString(),
      links: { self: `${this.api}/order/${ID}` },
      ...change,
    };
  }

  #url() {
    const expires = new Date(this.now() + this.ttl).toISOString();
    return { status_url: `${this.s3}/status/${ID}.json?url=${++this.#urls}`, status_url_expires_at: expires };
  }

  #usual(on: "api" | "s3", method: string, path: string, headers: IncomingHttpHeaders): Scripted {
    const json = { "content-type": "application/json" };
    if (on === "s3") {
      this.onPoll(this.polls().length);
      const etag = `"${this.object.revision}"`;
      if (headers.authorization !== undefined) {
        return s3Error(400, "InvalidArgument");
      }
      return headers["if-none-match"] === etag
        ? { status: 304, headers: { etag } }
        : { status: 200, headers: { ...json, etag, "cache-control": "no-cache" }, body: JSON.stringify(this.object) };
    }
    if (method === "POST" && path === "/order") {
      return { status: 202, headers: json, body: JSON.stringify(this.receipt()) };
    }
    if (path !== `/order/${ID}`) {
      return problem(404, "order-not-found");
    }
    const token = headers["offload-token"] ?? headers.authorization?.replace("Bearer ", "");
    if (token !== TOKEN) {
      return problem(403, "token-invalid");
    }
    if (method === "DELETE") {
      this.write({ status: "cancelled", done: true, eta: null, poll_after_ms: null });
    }
    const view = { ...this.object, ...this.#url(), links: { self: `${this.api}/order/${ID}` } };
    return { status: 200, headers: json, body: JSON.stringify(view) };
  }
}
