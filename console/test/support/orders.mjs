// Orders and figures for the page, the same on every run.

const HOUR_MS = 3_600_000;

/** Numbers that seem random and are not (mulberry32). */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const iso = (ms) => new Date(ms).toISOString();
const hex = (n, width) => n.toString(16).padStart(width, "0");

export function idOf(at, number) {
  const time = hex(at, 12);
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${hex(number * 2_654_435_761 + 0xabc_0000_0000, 12).slice(-12)}`;
}

const REASONS = [
  ["attempts-exhausted", "Every attempt failed", "the program ended with exit code 75: the printer is out of paper"],
  [
    "dead-lettered",
    "The order was moved to the dead-letter queue",
    "the queue moved the order to the dead-letter queue; 3 attempts were started",
  ],
];

/** One order of a state, the `number`th. */
export function order(number, status, now, next = random(number + 1)) {
  const created = now - Math.floor(next() * (status === "failed" ? 20 : 0.2) * HOUR_MS) - 2_000;
  const waited = Math.floor(next() * 20_000);
  const hasStarted = status !== "pending";
  const started = hasStarted ? Math.min(now - 500, created + waited) : null;
  const ended = status === "failed" || status === "completed" || status === "cancelled";
  const finished = ended ? Math.min(now - 200, started + Math.floor(next() * 40_000)) : null;
  const [slug, title, detail] = REASONS[Math.floor(next() ** 2 * REASONS.length)];
  const kind = next() < 0.6 ? "fulfilment" : "report";
  const percent = Math.floor(next() * 90) + 5;
  const id = idOf(created, number);
  const customers = ["acme", "globex", "initech", "umbrella"];
  return {
    id,
    tenant: "default",
    status,
    revision: status === "pending" ? 1 : 3,
    generation: 1,
    attempt: status === "pending" ? 0 : status === "failed" ? 3 : next() < 0.9 ? 1 : 2,
    kind,
    priority: "normal",
    created_at: iso(created),
    updated_at: iso(finished ?? started ?? created),
    started_at: started && iso(started),
    finished_at: finished && iso(finished),
    deadline_at: iso(created + 24 * HOUR_MS),
    progress:
      status === "processing"
        ? { percent, message: kind === "report" ? `row ${percent * 1_000}` : "packing A-1" }
        : null,
    eta: ended
      ? null
      : {
          earliest_at: iso(created + 30_000),
          at: iso(now + Math.floor(next() * 60_000)),
          latest_at: iso(now + 60_000 + Math.floor(next() * 120_000)),
        },
    error:
      status === "failed" ? { type: `https://status-offload.dev/problems/${slug}`, title, status: 500, detail } : null,
    labels: next() < 0.7 ? { customer: customers[Math.floor(next() * customers.length)] } : {},
    worker: status === "processing" ? "worker-1" : null,
    cancel_requested: false,
  };
}

export function detail(listed, statuses) {
  const { id, status, revision, created_at, started_at, finished_at, updated_at, progress, eta, error, attempt } =
    listed;
  const done = finished_at !== null;
  const moment = (at, event, text = null, number = attempt) =>
    at && { at, event, revision, attempt: number, detail: text };
  return {
    ...listed,
    status_object: {
      id,
      status,
      done,
      revision,
      attempt,
      created_at,
      updated_at,
      started_at,
      finished_at,
      progress,
      eta,
      poll_after_ms: done ? null : 4_000,
      result: null,
      result_url: null,
      error,
    },
    status_url: `${statuses}/offload/status/ab/${id}.json?X-Amz-Signature=0123`,
    status_url_expires_at: iso(Date.parse(created_at) + 12 * HOUR_MS),
    status_access: null,
    not_before: null,
    own_deadline: false,
    lease: status === "processing" ? { worker: "worker-1", until: iso(Date.parse(updated_at) + 60_000) } : null,
    trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
    group: null,
    webhook_host: "shop.example",
    has_task_token: false,
    timeline: [
      moment(created_at, "accepted", null, 0),
      moment(started_at, "started", "worker-1", 1),
      status === "failed" && moment(started_at, "attempt_failed", error.detail, 1),
      progress && moment(updated_at, "progress", `${progress.percent} %, ${progress.message}`),
      done && moment(finished_at, status, error?.detail ?? null),
      done && moment(finished_at, "delivery", "webhook: delivered, 200"),
    ].filter(Boolean),
    deliveries: [
      {
        channel: "webhook",
        revision,
        state: "delivered",
        attempts: [{ at: updated_at, status: 200, error: null, duration_ms: 41 }],
      },
    ],
    links: { self: `/order/${id}` },
    payload: null,
  };
}

const series = (seed, level, empty) => {
  const next = random(seed);
  return Array.from({ length: 60 }, (_, at) =>
    empty ? 0 : Math.max(0, Math.round(level * (1 + 0.5 * Math.sin(at / 7) + next() * 0.5))),
  );
};

export function counts(orders, now, { banners = [] } = {}) {
  const of = (status) => orders.filter((one) => one.status === status).length;
  const empty = orders.length === 0;
  const waiting = orders
    .filter(({ status }) => status === "pending")
    .sort((a, b) => (a.created_at < b.created_at ? -1 : 1))[0];
  return {
    as_of: iso(now),
    waiting: of("pending"),
    running: of("processing"),
    dead: { count: of("failed"), more: false },
    failed: { count: of("failed"), more: false },
    open: { count: of("pending") + of("processing"), more: false },
    oldest_waiting: waiting ? { id: waiting.id, created_at: waiting.created_at } : null,
    orders_without_worker: 0,
    minutes: {
      to: iso(now),
      accepted: series(1, 40, empty),
      completed: series(2, 38, empty),
      failed: series(3, 0.6, empty),
      cancelled: series(4, 0.3, empty),
      waiting: series(5, 12, empty),
      running: series(6, 8, empty),
      dead: series(7, 0, true).map((_, at) => (empty ? 0 : Math.floor((at / 60) * of("failed")))),
    },
    accepted_of: "this_server",
    ended_of: "workers",
    before_p90: empty ? null : { share: 0.91, orders: 2_310 },
    polls: { api_reads: series(8, 1, empty), fixed_client: series(9, 160, empty) },
    workers: { alive: 2, concurrency: 20 },
    stores: "ok",
    banners,
  };
}

export const session = (roles = ["admin"], extra = {}) => ({
  name: "console",
  tenant: null,
  roles,
  by: "open",
  expires_at: null,
  service: {
    version: "0.1.0",
    environment: "local",
    api: "http://127.0.0.1:8080",
    statuses: "http://127.0.0.1:9000",
    has_push: true,
    has_webhooks: true,
    orders_need_credentials: false,
  },
  ...extra,
});

export const workers = (orders, now) => ({
  as_of: iso(now),
  workers: [
    {
      name: "worker-1",
      alive: true,
      reported_at: iso(now - 2_000),
      started_at: iso(now - 9 * HOUR_MS),
      version: "0.1.0",
      concurrency: 10,
      running: 7,
      finished_a_minute: 22.4,
      mean_seconds: 12.7,
      leases: 7,
    },
    {
      name: "worker-2",
      alive: true,
      reported_at: iso(now - 4_000),
      started_at: iso(now - 2 * HOUR_MS),
      version: "0.1.0",
      concurrency: 10,
      running: 4,
      finished_a_minute: 18.1,
      mean_seconds: 13.2,
      leases: 4,
    },
    {
      name: "worker-0",
      alive: false,
      reported_at: iso(now - 2 * HOUR_MS),
      started_at: iso(now - 30 * HOUR_MS),
      version: "0.1.0",
      concurrency: 10,
      running: 1,
      finished_a_minute: null,
      mean_seconds: 14.8,
      leases: 1,
    },
  ],
  orders_without_worker: orders
    .filter(({ status }) => status === "processing")
    .slice(0, 1)
    .map((one) => ({ ...one, worker: "worker-0" })),
  searched: 40,
  more: false,
});

export const deliveries = (now) => ({
  as_of: iso(now),
  endpoints: [
    {
      endpoint: "https://shop.example",
      delivered: 1_204,
      failed: 3,
      given_up: 0,
      p50_ms: 35,
      p99_ms: 410,
      breaker: "closed",
      retry_at: null,
      last_at: iso(now - 3_000),
      last_error: null,
    },
    {
      endpoint: "https://hooks.partner.example",
      delivered: 12,
      failed: 88,
      given_up: 2,
      p50_ms: 900,
      p99_ms: 10_000,
      breaker: "open",
      retry_at: iso(now + 25_000),
      last_at: iso(now - 12_000),
      last_error: "503 Service Unavailable",
    },
  ],
  more: false,
});

export function actionOf(verb, filter, count, now, rest = {}) {
  return {
    id: idOf(now, count),
    verb,
    filter,
    tenant: null,
    state: "running",
    by: "console",
    created_at: iso(now - 30_000),
    updated_at: iso(now),
    finished_at: null,
    count,
    done: Math.floor(count * 0.6),
    failed: 1,
    skipped: 2,
    rate: 20,
    revision: 7,
    examples: [],
    skips: [{ id: idOf(now, 2), why: "it is pending by now" }],
    failures: [{ id: idOf(now, 3), why: "a store is unavailable" }],
    ...rest,
  };
}
