//! Many orders while everything fails at once: every service refuses calls and loses responses, the
//! queue delivers twice and out of order, and workers are killed. An accepted order must end all
//! the same, and its status object must never go back.

use std::{
    collections::HashSet,
    fmt,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use futures_util::{StreamExt, stream};
use offload_local::{FaultPlan, Service};
use offload_service::settings::catalogue as c;
use serde_json::Value;
use tokio::time::sleep;

use offload_tests::{PATIENCE, Poller, Process, Setup, System, post_until_accepted};

const SERVICES: [Service; 3] = [Service::S3, Service::Sqs, Service::DynamoDb];

/// Between two polls of one order.
const POLL_EVERY: Duration = Duration::from_millis(200);

/// What fails, and how often.
#[derive(Debug, Clone, Copy)]
pub struct ChaosPlan {
    /// Orders in all.
    pub orders: usize,
    /// Clients, each with one order at a time.
    pub clients: usize,
    /// Workers that are killed, spread over the run.
    pub kills: usize,
    /// The share of calls of each service that are refused, and the share whose response is lost.
    pub error_rate: f64,
    /// The share of messages that are delivered once more.
    pub duplicate_rate: f64,
    /// Seed of the faults.
    pub seed: u64,
}

impl Default for ChaosPlan {
    fn default() -> Self {
        Self { orders: 10_000, clients: 200, kills: 3, error_rate: 0.05, duplicate_rate: 0.1, seed: 1 }
    }
}

/// How the orders ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ChaosReport {
    /// Different orders that were accepted.
    pub accepted: usize,
    /// Of these, the orders that completed.
    pub completed: usize,
    /// Attempts beyond the first, of all orders.
    pub repeated: u64,
    /// Orders whose row in the table differs from their status object.
    pub disagreeing: usize,
    /// Messages that were sent to the queue of orders.
    pub sent: u64,
    /// Deliveries of these messages.
    pub delivered: u64,
    /// Workers that were killed.
    pub killed: usize,
    /// From the first order to the end of the last.
    pub took: Duration,
    /// The longest that an order took from its acceptance to its end.
    pub slowest: Duration,
}

/// An order's id, its final status object, and how long it took.
type EndedOrder = (String, Value, Duration);

/// The workers, of which one is killed at a time.
struct Workers {
    variables: Vec<(String, String)>,
    processes: Vec<Process>,
    killed: usize,
}

impl Workers {
    fn worker(variables: &[(String, String)]) -> Process {
        let variables: Vec<(&str, &str)> = variables.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        Process::start("offload-worker", &["--log=error"], &variables)
    }

    fn new(variables: Vec<(String, String)>, workers: usize) -> Self {
        let processes = (0..workers).map(|_| Self::worker(&variables)).collect();
        Self { variables, processes, killed: 0 }
    }

    /// Kills one, another each time, and starts it again.
    fn kill_one(&mut self) {
        let at = self.killed % self.processes.len();
        self.processes[at].kill();
        self.processes[at] = Self::worker(&self.variables);
        self.killed += 1;
    }
}

impl ChaosPlan {
    /// Runs the plan, with two workers as programs of their own.
    ///
    /// # Panics
    /// If the programs do not start, an order is not accepted or does not end within [`PATIENCE`],
    /// or a status object goes back.
    pub async fn run(self) -> ChaosReport {
        let setup = Setup { workers: 0, apis: 1, ..Setup::default() }
            .with(c::VISIBILITY_SECONDS, 5)
            .with(c::MAX_ATTEMPTS, 50)
            .with(c::CONCURRENCY, 64)
            .with(c::SWEEP_AFTER_SECONDS, 5)
            .with(c::JOB_SECONDS, "exp:0.05");
        let system = setup.start().await;
        let mut workers = Workers::new(system.variables(), 2);
        for service in SERVICES {
            system.stack.faults(service).set(FaultPlan {
                error_rate: self.error_rate,
                lost_reply_rate: self.error_rate,
                duplicate_rate: self.duplicate_rate,
                reorder: true,
                seed: self.seed,
                ..FaultPlan::default()
            });
        }
        let begun = Instant::now();
        let ended = AtomicUsize::new(0);
        let url = format!("{}/order", system.apis[0]);
        let submit_and_wait = async |n: usize| {
            let receipt = post_until_accepted(&system.http, &url, &format!("order-{n}")).await;
            let (accepted, mut poller) = (Instant::now(), Poller::default());
            let done = poller.until_done_every(POLL_EVERY, &system.http, &receipt.status_url).await;
            ended.fetch_add(1, Ordering::Relaxed);
            (receipt.id, done, accepted.elapsed())
        };
        let clients = stream::iter(0..self.orders).map(submit_and_wait).buffer_unordered(self.clients).collect();
        let killing = async {
            // A worker dies each time that another share of the orders has ended.
            while workers.killed < self.kills {
                if ended.load(Ordering::Relaxed) * (self.kills + 1) >= self.orders * (workers.killed + 1) {
                    workers.kill_one();
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        let (orders, ()): (Vec<EndedOrder>, ()) = tokio::join!(clients, killing);
        let took = begun.elapsed();
        for service in SERVICES {
            system.stack.faults(service).clear();
        }
        let ids: HashSet<&str> = orders.iter().map(|(id, _, _)| id.as_str()).collect();
        let attempts = |done: &Value| done["attempt"].as_u64().unwrap_or(0);
        ChaosReport {
            accepted: ids.len(),
            completed: orders.iter().filter(|(_, done, _)| done["status"] == "completed").count(),
            repeated: orders.iter().map(|(_, done, _)| attempts(done).saturating_sub(1)).sum(),
            disagreeing: disagreeing(&system, &orders).await,
            sent: system.stack.requests(Service::Sqs).with_status("SendMessage", 200),
            delivered: system.stack.deliveries("orders"),
            killed: workers.killed,
            took,
            slowest: orders.iter().map(|(_, _, took)| *took).max().unwrap_or_default(),
        }
    }
}

/// Counts the orders whose row, once everything has ended, differs from their status object.
async fn disagreeing(system: &System, orders: &[EndedOrder]) -> usize {
    let differs = async |(id, done, _): &EndedOrder| {
        let record = system.stores.orders.get(id.parse().expect("an order id")).await.expect("the table answers");
        record.is_none_or(|r| {
            done["status"] != r.state.status.as_str() || done["revision"].as_u64() != Some(r.state.revision)
        })
    };
    stream::iter(orders).map(differs).buffer_unordered(32).filter(|differs| std::future::ready(*differs)).count().await
}

impl ChaosReport {
    /// Whether the promises held.
    #[must_use]
    pub fn holds(&self, plan: &ChaosPlan) -> bool {
        self.accepted == plan.orders
            && self.completed == plan.orders
            && self.disagreeing == 0
            && self.killed == plan.kills
            && self.slowest < PATIENCE
    }
}

impl fmt::Display for ChaosReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "accepted     {:7}", self.accepted)?;
        writeln!(f, "completed    {:7}", self.completed)?;
        writeln!(f, "disagreeing  {:7}   (status object and order table)", self.disagreeing)?;
        writeln!(f, "killed       {:7}   workers", self.killed)?;
        writeln!(f, "sent         {:7}   messages", self.sent)?;
        writeln!(f, "delivered    {:7}   of them {} again", self.delivered, self.delivered.saturating_sub(self.sent))?;
        writeln!(f, "repeated     {:7}   attempts beyond the first", self.repeated)?;
        writeln!(
            f,
            "took         {:7.1} s, the slowest order {:.1} s",
            self.took.as_secs_f64(),
            self.slowest.as_secs_f64()
        )
    }
}
