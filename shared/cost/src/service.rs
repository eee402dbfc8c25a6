//! What the service costs beside status objects and channels: to accept orders, to work on them and
//! to remember them; and what it costs while there are none.

use crate::{
    calls::{PUTS_AT_LEAST, row_bytes, row_units},
    item::Item,
    line::Line,
    prices::MONTH_SECONDS,
    scenario::Runtime,
    ways::{API_SECONDS, FUNCTION_GB, Inputs, TASK},
};

/// Bytes of a receipt, with its head.
const RECEIPT_BYTES: f64 = 2_000.0;
/// Memory of the worker's function.
const WORKER_GB: f64 = 0.5;
/// Lambda polls each queue so many times at once, and each waits for twenty seconds.
const POLLERS: f64 = 5.0;
const LONG_POLL_SECONDS: f64 = 20.0;
/// Queues that are polled: of orders, of dead letters, of notifications, of webhooks and of those
/// that are tried again.
const QUEUES: f64 = 5.0;
/// Seconds between two sweeps, and what one takes.
const SWEEP_EVERY_SECONDS: f64 = 60.0;
const SWEEP_SECONDS: f64 = 0.3;
/// Shards of the index, which a sweep queries. A read of nothing is a unit.
const INDEX_SHARDS: f64 = 16.0;
/// Seconds between two reports of a worker, and the write units of one.
const REPORT_EVERY_SECONDS: f64 = 3.0;
const REPORT_UNITS: f64 = 2.0;

impl Inputs<'_> {
    /// Lines that grow with the orders.
    pub(crate) fn service(&self) -> Vec<Line> {
        let Self { scenario, calls, .. } = self;
        let published = (calls.puts - PUTS_AT_LEAST).max(0.0) * row_units(scenario);
        let mut lines = vec![
            self.line("accept: gateway", Item::HttpApiRequest, 1.0),
            self.line("accept: invocations", Item::LambdaRequest, 1.0),
            self.line("accept: function time", Item::LambdaSecondArm, API_SECONDS * FUNCTION_GB),
            self.egress("accept: egress", RECEIPT_BYTES),
            self.line("order table: writes", Item::DynamodbWrite, calls.row_units - published),
            self.line("order table: index writes", Item::DynamodbWrite, calls.index_units),
            self.line("order table: reads", Item::DynamodbRead, calls.read_units),
            self.stored("order table: storage", Item::DynamodbStorage, row_bytes(scenario)),
            self.line("queue", Item::SqsRequest, calls.sqs),
        ];
        let each = scenario.run_seconds / scenario.at_once;
        match scenario.runtime {
            Runtime::Lambda => lines.extend([
                self.line("work: invocations", Item::LambdaRequest, 1.0 / scenario.at_once),
                self.line("work: function time", Item::LambdaSecondArm, each * WORKER_GB),
            ]),
            Runtime::Fargate => {
                let hours = self.tasks() * MONTH_SECONDS / 3_600.0;
                lines.extend([
                    Line::new(self.prices, "work: processors", Item::FargateVcpuArm, TASK.0 * hours),
                    Line::new(self.prices, "work: memory", Item::FargateGbArm, TASK.1 * hours),
                ]);
            }
        }
        if scenario.result_bytes > 0.0 {
            lines.extend([
                self.line("results: stored", Item::S3Put, 1.0),
                self.line("results: fetched", Item::S3Get, 1.0),
                self.stored("results: storage", Item::S3Storage, scenario.result_bytes),
                self.egress("results: egress", scenario.result_bytes),
            ]);
        }
        lines
    }

    /// Tasks that run, on average; one at least.
    fn tasks(&self) -> f64 {
        let scenario = self.scenario;
        (scenario.orders * scenario.run_seconds / scenario.at_once / MONTH_SECONDS).max(1.0)
    }

    /// Lines that are there without an order.
    pub(crate) fn idle(&self) -> Vec<Line> {
        let line = |what: &str, item, quantity| Line::new(self.prices, what, item, quantity);
        let sweeps = MONTH_SECONDS / SWEEP_EVERY_SECONDS;
        let (polls, sweeps_of_tasks) = match self.scenario.runtime {
            Runtime::Lambda => (QUEUES * POLLERS, 0.0),
            // The notifier's queues are polled by Lambda; those of orders and dead letters by each
            // task, which sweeps twice a minute.
            Runtime::Fargate => ((QUEUES - 2.0) * POLLERS + 2.0 * self.tasks(), 2.0 * self.tasks() * sweeps),
        };
        let (reports, scheduled) = match self.scenario.runtime {
            Runtime::Lambda => (
                // A function reports if it works, and not more often than a container.
                (self.scenario.orders / self.scenario.at_once).min(self.tasks() * MONTH_SECONDS / REPORT_EVERY_SECONDS),
                sweeps,
            ),
            Runtime::Fargate => (self.tasks() * MONTH_SECONDS / REPORT_EVERY_SECONDS, 0.0),
        };
        // The api counts the queue and the workers once a second at most, and only if there are
        // orders.
        let counts = self.scenario.orders.min(MONTH_SECONDS);
        vec![
            line("by time: receives of empty queues", Item::SqsRequest, polls * MONTH_SECONDS / LONG_POLL_SECONDS),
            line("by time: counts of the queue", Item::SqsRequest, counts),
            line("by time: counts of the workers", Item::DynamodbRead, counts),
            line("by time: workers' reports", Item::DynamodbWrite, reports * REPORT_UNITS),
            line("by time: sweeps, reads", Item::DynamodbRead, (scheduled + sweeps_of_tasks) * INDEX_SHARDS),
            line("by time: sweeps, schedule", Item::ScheduleRun, scheduled),
            line("by time: sweeps, invocations", Item::LambdaRequest, scheduled),
            line("by time: sweeps, function time", Item::LambdaSecondArm, scheduled * SWEEP_SECONDS * FUNCTION_GB),
        ]
    }
}
