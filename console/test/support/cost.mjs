// A bill as the service writes it, by fewer lines and rules than its own: what is asked decides the
// figures.
const BOUNDS = { orders: [1, 1e12], polls: [1, 1e6], run_seconds: [0.001, 604_800], retention_days: [1, 3_650] };
const PRICES = {
  "s3-put": [5e-6, "PUT"],
  "s3-get": [4e-7, "GET"],
  "s3-storage": [0.023, "GB-month"],
  "rest-api-request": [3.5e-6, "request"],
  "http-api-request": [1.11e-6, "request"],
  "websocket-message": [1.14e-6, "message"],
  "lambda-request": [2e-7, "invocation"],
  "lambda-second-arm": [0.0000133334, "GB-second"],
  "dynamodb-write": [7.05e-7, "write unit"],
  "dynamodb-read": [1.415e-7, "read unit"],
  "sqs-request": [4e-7, "request"],
  "balancer-hour": [0.0252, "hour"],
  "schedule-run": [1e-6, "run"],
  egress: [0.09, "GB"],
};

/** What is wrong with a query, in the words of the service. */
export function outOfBounds(query) {
  for (const [name, [least, most]] of Object.entries(BOUNDS)) {
    const value = query.get(name);
    if (value === null) continue;
    if (Number.isNaN(Number(value))) return `${name} must be a number`;
    if (Number(value) < least || Number(value) > most) return `${name} is ${least} to ${most}, not ${value}`;
  }
  return null;
}

export function bill(query) {
  const number = (name, otherwise) => Number(query.get(name) ?? otherwise);
  const scenario = {
    orders: number("orders", 1e6),
    polls: number("polls", 10),
    run_seconds: number("run_seconds", 3.2),
    variation: number("variation", 0.5),
    status_bytes: number("status_bytes", 1_024),
    payload_bytes: number("payload_bytes", 100),
    result_bytes: number("result_bytes", 0),
    retention_days: number("retention_days", 30),
    keyed: query.get("keyed") !== "false",
    progress: query.get("progress") ?? "some",
    runtime: query.get("runtime") ?? "lambda",
    at_once: number("at_once", 1),
    channels: (query.get("channels") ?? "poll").split(","),
  };
  const line = (what, item, each, times = scenario.orders) => {
    const [price, unit] = PRICES[item];
    return { what, item, unit, quantity: each * times, dollars: price * each * times };
  };
  const sum = (lines) => lines.reduce((all, { dollars }) => all + dollars, 0);
  const calls = { puts: 2.2, gets: 2.42, sqs: 3, row_units: 7 + 2 * scenario.keyed, index_units: 2, read_units: 1.4 };
  const polled = (gateway, seconds) => [
    line("polls: gateway", gateway, scenario.polls),
    line("polls: invocations", "lambda-request", scenario.polls),
    line("polls: function time", "lambda-second-arm", scenario.polls * seconds),
    line("polls: reads of the item", "dynamodb-read", scenario.polls * 0.5),
    line("polls: egress", "egress", scenario.polls * 1.6e-6),
  ];
  const status = [
    line("status objects: pending and end", "s3-put", 2),
    line("status objects: as orders run", "s3-put", 0.2),
    line("status objects: storage", "s3-storage", 1e-6 * (scenario.retention_days / 30)),
  ];
  const gets = (each) => [line("polls: GETs", "s3-get", each), line("polls: egress", "egress", each * 1.6e-6)];
  const notified = [
    line("notifications: queue", "sqs-request", 3),
    line("notifications: invocations", "lambda-request", 1),
    line("notifications: function time", "lambda-second-arm", 0.003),
  ];
  const channels = {
    poll: gets(calls.gets),
    websocket: [line("connections: messages", "websocket-message", 2), ...notified],
    sse: [line("event streams: load balancer", "balancer-hour", 730, 1), ...notified],
    webhook: notified,
  };
  const lines = {
    "typical-api": polled("rest-api-request", 0.01),
    "rest-api": polled("rest-api-request", 0.001),
    "lean-api": polled("http-api-request", 0.001),
    "plain-s3": [...status, ...gets(scenario.polls)],
    schedule: [...status, ...channels.poll],
    websocket: [...status, ...channels.websocket],
    sse: [...status, ...channels.sse],
    webhook: [...status, ...channels.webhook],
  };
  const ways = Object.entries(lines).map(([name, own]) => ({ name, dollars: sum(own), lines: own }));
  const informed = [...status, ...scenario.channels.flatMap((channel) => channels[channel])];
  const service = [
    line("accept: gateway", "http-api-request", 1),
    line("accept: invocations", "lambda-request", 1),
    line("accept: function time", "lambda-second-arm", 0.0025),
    line("order table: writes", "dynamodb-write", calls.row_units),
    line("order table: index writes", "dynamodb-write", calls.index_units),
    line("order table: reads", "dynamodb-read", calls.read_units),
    line("work: function time", "lambda-second-arm", scenario.run_seconds * 0.25),
    ...informed,
  ];
  const idle = [
    line("by time: receives of empty queues", "sqs-request", 2_628_000, 1),
    line("by time: sweeps, reads", "dynamodb-read", 1_402_000, 1),
    line("by time: sweeps, schedule", "schedule-run", 87_600, 1),
    line("by time: sweeps, function time", "lambda-second-arm", 219.5, 1),
  ];
  const even = (api) => (sum(informed) / sum(lines[api])) * scenario.polls;
  return {
    scenario,
    region: query.get("region") ?? "eu-west-1",
    prices_dated: ["2026-11-01", "2026-11-01"],
    behaviour: { running_puts: 0.2, polls: 2.42, delay: 0.55, renewals: 0, cancel_checks: 0.5, events: 1, minutes: 1 },
    calls,
    counted: null,
    comparison: [],
    ways,
    service,
    idle,
    dollars: sum(service) + sum(idle),
    break_even: ["typical-api", "rest-api", "lean-api"].map((api) => ({
      api,
      polls: even(api) > 1e6 ? null : even(api),
      polls_of_both: even(api) * 1.04,
    })),
    advice:
      "Do not use this service to save money if your clients would poll a lean API fewer than 6.5 times an order, or a typical one fewer than 2.7 times: up to there those polls cost less than its status objects. At 10 polls an order, polling costs $19.07 with a lean API and $44.18 with a typical one; this service costs $12.34, and $1.34 by time: it saves money beside either. What it always saves is on no bill: polls that your API need not answer, and cannot fail to answer.",
    left_out: [
      "free tiers, taxes, savings plans and support",
      "logs, alarms ($0.10 a month for each), the dashboard ($3) and traces",
      "orders that fail, are tried again or wait in a queue: each attempt claims and ends once more",
      "NAT gateways, VPC endpoints, KMS keys of your own, WAF and domains",
    ],
  };
}
