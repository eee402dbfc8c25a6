/** The bodies of the admin API, as the OpenAPI document of the service has them. */

export type Status = "pending" | "processing" | "completed" | "failed" | "cancelled";
export type Role = "view" | "operate" | "admin";

export interface Problem {
  type: string;
  title: string;
  status?: number;
  detail?: string | null;
  request_id?: string;
  errors?: { pointer: string; detail: string }[];
}

export interface EtaWindow {
  at: string;
  earliest_at: string;
  latest_at: string;
}

export interface Listed {
  id: string;
  tenant: string;
  status: Status;
  revision: number;
  generation: number;
  attempt: number;
  kind: string | null;
  priority: string;
  created_at: string;
  updated_at: string;
  started_at: string | null;
  finished_at: string | null;
  deadline_at: string | null;
  progress: { percent: number; message: string | null } | null;
  eta: EtaWindow | null;
  error: Problem | null;
  labels: Record<string, string>;
  worker: string | null;
  cancel_requested: boolean;
}

export interface OrderPage {
  orders: Listed[];
  searched: number;
  next: string | null;
}

export interface StatusObject {
  id: string;
  status: Status;
  done: boolean;
  revision: number;
  poll_after_ms: number | null;
  result: unknown;
  result_url: string | null;
  [member: string]: unknown;
}

export interface Delivery {
  channel: string;
  revision: number;
  state: "delivered" | "retrying" | "gone" | "given_up";
  attempts: { at: string; status: number | null; error: string | null; duration_ms: number | null }[];
}

export interface Moment {
  at: string;
  event: string;
  revision: number | null;
  attempt: number | null;
  detail: string | null;
}

export interface OrderDetail extends Listed {
  status_object: StatusObject;
  status_url: string | null;
  status_url_expires_at: string | null;
  not_before: string | null;
  lease: { worker: string; until: string } | null;
  trace_id: string | null;
  group: { id: string; place: number } | null;
  webhook_host: string | null;
  has_task_token: boolean;
  timeline: Moment[];
  deliveries: Delivery[];
  links: { self?: string; events?: string | null; websocket?: string | null };
  payload: unknown;
}

export interface Bounded {
  count: number;
  /** Whether there are more than were counted. */
  more: boolean;
}

export type Series = (number | null)[];

export interface Counts {
  as_of: string;
  waiting: number | null;
  running: number | null;
  dead: Bounded | null;
  failed: Bounded | null;
  open: Bounded | null;
  oldest_waiting: { id: string; created_at: string } | null;
  orders_without_worker: number | null;
  minutes: Record<"accepted" | "completed" | "failed" | "cancelled" | "waiting" | "running" | "dead", Series> & {
    to: string;
  };
  before_p90: { share: number; orders: number } | null;
  polls: { api_reads: Series; fixed_client: Series } | null;
  workers: { alive: number; concurrency: number } | null;
  stores: "ok" | "failing";
  banners: { kind: string; since: string | null; detail: string }[];
}

export interface Worker {
  name: string;
  alive: boolean;
  reported_at: string;
  started_at: string | null;
  version: string | null;
  concurrency: number | null;
  running: number | null;
  finished_a_minute: number | null;
  mean_seconds: number | null;
  leases: number | null;
}

export interface Workers {
  as_of: string;
  workers: Worker[];
  orders_without_worker: Listed[];
  searched: number;
  more: boolean;
}

export interface Endpoint {
  endpoint: string;
  delivered: number;
  failed: number;
  given_up: number;
  p50_ms: number | null;
  p99_ms: number | null;
  breaker: "closed" | "open" | "half_open";
  retry_at: string | null;
  last_at: string | null;
  last_error: string | null;
}

export interface Deliveries {
  as_of: string;
  endpoints: Endpoint[];
  more: boolean;
}

export interface TestEvent {
  id: string;
  delivery: Delivery | null;
}

export type Verb = "redrive" | "purge" | "cancel";

export interface Preview {
  verb: Verb;
  filter: string;
  count: number;
  complete: boolean;
  searched: number;
  examples: Listed[];
}

export interface Action {
  id: string;
  verb: Verb;
  filter: string;
  tenant: string | null;
  state: "running" | "aborting" | "aborted" | "done";
  by: string;
  created_at: string;
  updated_at: string;
  finished_at: string | null;
  count: number;
  done: number;
  failed: number;
  skipped: number;
  rate: number;
  revision: number;
  examples: string[];
  skips: { id: string; why: string }[];
  failures: { id: string; why: string }[];
}

export interface Session {
  name: string;
  tenant: string | null;
  roles: Role[];
  by: "open" | "cookie" | "bearer";
  expires_at: string | null;
  service: {
    version: string;
    environment: string | null;
    api: string;
    statuses: string | null;
    has_push: boolean;
    has_webhooks: boolean;
    orders_need_credentials: boolean;
  };
}

export interface Finding {
  id: string;
  severity: "error" | "warning" | "note";
  title: string;
  what: string;
  why: string;
  fix: string;
  docs: string;
}

export interface Diagnosis {
  as_of: string;
  findings: Finding[];
  passed: { id: string; what: string }[];
  not_checked: { id: string; what: string; why: string }[];
}

/** The body of 202. */
export interface Receipt {
  id: string;
  status: Status;
  status_url?: string;
  order_token: string;
  read_token?: string;
  poll_after_ms: number;
  eta: { seconds: number; p10_seconds: number; p90_seconds: number; at: string; basis: string };
  links: { self: string; events?: string | null; websocket?: string | null };
}

export type Channel = "poll" | "websocket" | "sse" | "webhook";

/** How a client can learn of an order's end. */
export type WayName =
  | "typical-api"
  | "rest-api"
  | "lean-api"
  | "plain-s3"
  | "schedule"
  | "websocket"
  | "sse"
  | "webhook";

export interface BillLine {
  what: string;
  item: string;
  unit: string;
  quantity: number;
  dollars: number;
}

/** A month, priced. */
export interface Bill {
  scenario: Record<
    | "orders"
    | "polls"
    | "run_seconds"
    | "variation"
    | "status_bytes"
    | "payload_bytes"
    | "result_bytes"
    | "retention_days"
    | "at_once",
    number
  > & {
    keyed: boolean;
    progress: "off" | "some" | "live";
    runtime: "lambda" | "fargate";
    channels: Channel[];
  };
  region: string;
  /** The dates of the oldest price and of the newest. */
  prices_dated: [string, string];
  /** Calls of an order. */
  calls: Record<"puts" | "gets" | "sqs" | "row_units" | "index_units" | "read_units", number>;
  ways: { name: WayName; dollars: number; lines: BillLine[] }[];
  /** This service with the channels of the scenario. */
  service: BillLine[];
  /** What is there without an order. */
  idle: BillLine[];
  dollars: number;
  /** From so many polls an order this service is cheaper; `null` is never. */
  break_even: { api: WayName; polls: number | null; polls_of_both: number | null }[];
  advice: string;
  left_out: string[];
}
