// The page with answers that a test chooses: for states that the real service is seldom in. What
// the page does to a real service is in real.mjs.
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";

import { bill, outOfBounds } from "./cost.mjs";
import { diagnosis } from "./doctor.mjs";
import { actionOf, counts, deliveries, detail, order, session, workers } from "./orders.mjs";

const DIST = new URL("../../dist/", import.meta.url);
const OPENAPI = new URL("../../../openapi/openapi.json", import.meta.url);
const TYPES = { html: "text/html; charset=utf-8", js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
const PAGES = /^\/((orders|actions)(\/[^/]+)?|new|dead|deliveries|workers|eta|about|cost|doctor)?$/;

/** As the service sends it. */
export const csp = (statuses) =>
  `default-src 'self'; connect-src 'self' ${statuses}; img-src 'self' data:; base-uri 'self'; form-action 'self'; frame-ancestors 'none'; object-src 'none'`;

/** Some orders of each state. */
export function mixture(now, size = 36) {
  const states = ["pending", "processing", "processing", "failed"];
  return Array.from({ length: size }, (_, at) => order(at, states[at % states.length], now));
}

/** Starts it. `prefix` is a path in front of everything, as a proxy adds it. */
export async function serve({
  orders,
  roles,
  now = Date.now(),
  failing,
  slow,
  prefix = "",
  signedOut = false,
  banners,
  actions,
  findings,
} = {}) {
  const state = {
    orders: orders ?? mixture(now),
    failing,
    signedOut,
    requests: [],
    streams: new Set(),
    actions: actions ?? [
      actionOf("redrive", "state:dead reason:attempts-exhausted", 130, now),
      actionOf("purge", "state:dead age>7d", 12, now - 4_000_000, {
        state: "done",
        failed: 0,
        done: 10,
        finished_at: new Date(now - 3_900_000).toISOString(),
      }),
    ],
  };
  const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://x");
    const json = (status, body, headers = {}) =>
      response
        .writeHead(status, {
          "content-type": "application/json",
          "x-request-id": "req-1",
          date: new Date().toUTCString(),
          ...headers,
        })
        .end(JSON.stringify(body));
    const problem = (status, slug, title, extra = {}) =>
      json(status, {
        type: `https://status-offload.dev/problems/${slug}`,
        title,
        status,
        request_id: "req-0198c1f0",
        ...extra,
      });
    if (!url.pathname.startsWith(prefix)) return problem(404, "not-found", "There is nothing here");
    const path = url.pathname.slice(prefix.length);
    state.requests.push(`${request.method} ${path}${url.search}`);
    if (PAGES.test(path) && request.headers.accept?.includes("text/html")) {
      const html = await readFile(new URL("index.html", DIST), "utf8");
      const base = path.split("/").length > 2 ? "../" : "./";
      return response
        .writeHead(200, {
          "content-type": TYPES.html,
          "content-security-policy": csp(state.statuses),
          "cache-control": "no-cache",
        })
        .end(html.replace('<base href="./">', `<base href="${base}">`));
    }
    if (/^\/(assets\/[\w.-]+|icon\.svg|theme\.js)$/.test(path)) {
      const body = await readFile(new URL(path.slice(1), DIST)).catch(() => null);
      return body
        ? response.writeHead(200, { "content-type": TYPES[path.split(".").pop()] }).end(body)
        : response.writeHead(404).end();
    }
    const stored = /^\/offload\/status\/ab\/([\w-]+)\.json$/.exec(path)?.[1];
    if (stored) {
      const { status_object: object } = detail(
        state.orders.find((one) => one.id === stored),
        state.statuses,
      );
      return json(200, object, { etag: '"5d41402abc4b2a76b9719d911017c592"', "cache-control": "no-cache" });
    }
    if (path === "/openapi.json")
      return response.writeHead(200, { "content-type": "application/json" }).end(await readFile(OPENAPI));
    if (slow) await new Promise((resolve) => setTimeout(resolve, slow));
    if (state.signedOut && !(path === "/admin/session" && request.method === "POST"))
      return problem(401, "credentials-missing", "Credentials are missing");
    if (path === "/admin/session") {
      if (request.method === "POST") state.signedOut = false;
      return json(200, session(roles));
    }
    if (state.failing && path.startsWith("/admin/"))
      return problem(503, "storage-unavailable", "A store is unavailable", {
        detail: "DynamoDB did not answer in time",
      });
    const [, , section, id, verb] = path.split("/");
    if (section === "events") {
      if (state.withoutStream) return problem(404, "not-found", "There is no stream");
      response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" }).write(": ok\n\n");
      state.streams.add(response);
      const beat = setInterval(
        () => response.write(`event: beat\ndata: {"as_of":"${new Date().toISOString()}"}\n\n`),
        5_000,
      );
      return response.on("close", () => (clearInterval(beat), state.streams.delete(response)));
    }
    if (section === "counts") return json(200, counts(state.orders, now, { banners }));
    if (section === "doctor") return json(200, diagnosis(now, findings));
    if (section === "workers") return json(200, workers(state.orders, now));
    if (section === "cost") {
      const wrong = outOfBounds(url.searchParams);
      return wrong
        ? problem(400, "invalid-query", "The query is invalid", { detail: wrong })
        : json(200, bill(url.searchParams));
    }
    if (section === "deliveries" && id === "test") {
      if (request.method === "GET") return json(200, { id: verb, delivery: state.tested ?? null });
      if (!url.searchParams.get("url").startsWith("https:"))
        return problem(400, "invalid-query", "The query of the URL is not valid", {
          detail: "url: only https is allowed",
        });
      return json(202, { id: "0198c1f0-0000-7000-8000-00000000000a", delivery: null });
    }
    if (section === "deliveries" && !id) return json(200, deliveries(now));
    if (section === "orders" && !id) return json(200, page(state.orders, url.searchParams));
    const found = state.orders.find((one) => one.id === id);
    if (section === "orders" && request.method === "GET")
      return found
        ? json(200, {
            ...detail(found, state.statuses),
            payload: url.searchParams.has("payload") ? { kind: found.kind, rows: 1_000 } : null,
          })
        : problem(404, "order-not-found", "There is no such order");
    if (section === "orders" && request.method === "POST") {
      if (verb === "cancel" && found.status === "failed")
        return problem(409, "order-already-ended", "The order has ended");
      return state.onAct ? state.onAct(found, verb, json, problem) : json(202, found);
    }
    if (section === "actions" && request.method === "POST") {
      const { dry_run, filter, verb: wanted } = JSON.parse(await bodyOf(request));
      const all = page(state.orders, new URLSearchParams({ q: filter, limit: "100000" })).orders;
      if (dry_run)
        return json(200, {
          verb: wanted,
          filter,
          count: all.length,
          complete: true,
          searched: state.orders.length,
          examples: all.slice(0, 5),
        });
      const action = actionOf(wanted, filter, all.length, Date.now(), {
        done: 0,
        failed: 0,
        skipped: 0,
        skips: [],
        failures: [],
      });
      state.actions.unshift(action);
      return json(202, action);
    }
    if (section === "actions")
      return id
        ? json(
            200,
            state.actions.find((one) => one.id === id),
          )
        : json(200, { actions: state.actions });
    return problem(404, "not-found", "There is nothing here");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${server.address().port}`;
  state.statuses = origin;
  const send = (event, data) => {
    for (const stream of state.streams) stream.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  const stop = () => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  };
  return { url: origin + prefix, state, send, stop };
}

function page(orders, query) {
  const q = query.get("q") ?? "";
  const state = /state:(\w+)/.exec(q)?.[1] ?? "open";
  const reason = /reason:([\w-]+)/.exec(q)?.[1];
  const label = /label:(\w+)=(\w+)/.exec(q);
  const wanted = orders.filter(
    (one) =>
      (state === "open"
        ? one.status === "pending" || one.status === "processing"
        : one.status === (state === "dead" ? "failed" : state)) &&
      (!reason || one.error?.type.endsWith(`/${reason}`)) &&
      (!label || one.labels[label[1]] === label[2]),
  );
  const from = Number(query.get("after") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  const to = Math.min(wanted.length, from + limit);
  return { orders: wanted.slice(from, to), searched: to - from, next: to < wanted.length ? String(to) : null };
}

async function bodyOf(request) {
  let text = "";
  for await (const part of request) text += part;
  return text;
}
