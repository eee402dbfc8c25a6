// An api that pushes status updates as a test scripts them, and an S3 with the final one.
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

import type { OffloadClient, SavedReceipt } from "../../src/index.js";

const ID = "0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f";

/** What the service does with one subscription. */
export type Stream = (response: ServerResponse) => void;

/** A status object, as JSON. */
function object(status: string, revision: number): string {
  const done = status !== "pending" && status !== "processing";
  const at = "2026-11-20T12:00:00.000Z";
  return JSON.stringify({
    id: ID,
    status,
    done,
    revision,
    created_at: at,
    updated_at: at,
    poll_after_ms: 10,
    eta: null,
  });
}

/** An event with a status object. */
export const event = (status: string, revision: number) => `id: ${revision}\ndata: ${object(status, revision)}\n\n`;

/** Begins a stream. */
export const open = (response: ServerResponse) => response.writeHead(200, { "content-type": "text/event-stream" });

/** Starts a service for one test. Its status object in S3 is `completed`, revision 9. */
export async function start(t: TestContext, ...streams: Stream[]) {
  const received: { url: string; lastId: string | undefined; authorization: string | undefined }[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const url = request.url ?? "";
    const lastId = request.headers["last-event-id"] as string | undefined;
    received.push({ url, lastId, authorization: request.headers.authorization });
    if (url.startsWith("/status")) {
      response.writeHead(200, { "content-type": "application/json" }).end(object("completed", 9));
    } else if (request.method === "DELETE") {
      const view = { ...JSON.parse(object("cancelled", 8)), status_url: `${base}/status`, links: {} };
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(view));
    } else {
      (streams.shift() ?? ((r) => r.writeHead(501).end()))(response);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => new Promise((resolve) => (server.close(resolve), server.closeAllConnections())));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const receipt: SavedReceipt = {
    id: ID,
    order_token: "v1.a+b",
    status_url: `${base}/status`,
    poll_after_ms: 0,
    links: { self: `${base}/order/${ID}`, events: `${base}/order/${ID}/events` },
  };
  return { base, receipt, received, polls: () => received.filter(({ url }) => url.startsWith("/status")).length };
}

/** The revisions of all updates of an order. */
export async function revisions(client: OffloadClient, receipt: SavedReceipt, signal?: AbortSignal): Promise<number[]> {
  const all: number[] = [];
  await client.wait(receipt, { signal, onUpdate: ({ revision }) => all.push(revision) });
  return all;
}
