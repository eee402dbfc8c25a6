//! The ordeal: many orders while everything goes wrong at once. Every service fails and loses its answers, the queue
//! delivers twice and out of order, and workers are killed. What got 202 must end all the same, and never be seen going
//! back.

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

use offload_tests::{PATIENCE, Process, Setup, System, View, post::post_until_accepted};

const SERVICES: [Service; 3] = [Service::S3, Service::Sqs, Service::DynamoDb];

/// Between two looks at one order.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How hard it is.
#[derive(Debug, Clone, Copy)]
pub struct Ordeal {
    /// Orders in all.
    pub orders: usize,
    /// Clients, each with one order at a time.
    pub clients: usize,
    /// Workers that are killed, spread over the run.
    pub kills: usize,
    /// How often a call of each service is refused, and how often its answer is lost.
    pub error_rate: f64,
    /// How often a message is delivered once more.
    pub duplicate_rate: f64,
    /// Of the faults.
    pub seed: u64,
}

impl Default for Ordeal {
    fn default() -> Self {
        Self { orders: 10_000, clients: 200, kills: 3, error_rate: 0.05, duplicate_rate: 0.1, seed: 1 }
    }
}

/// What became of the orders.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Different orders that were accepted.
    pub accepted: usize,
    /// Of these, those that completed; all others ended otherwise.
    pub completed: usize,
    /// Attempts beyond the first, all together.
    pub repeated: u64,
    /// Orders whose row in the table does not say what their status object says.
    pub disagreeing: usize,
    /// Messages that were sent to the queue of orders.
    pub sent: u64,
    /// Messages that it handed out.
    pub delivered: u64,
    /// Workers that were killed.
    pub killed: usize,
    /// From the first order to the end of the last.
    pub took: Duration,
    /// The longest that an order took from its acceptance to its end.
    pub slowest: Duration,
}

/// An order's id, its final status object, and how long it took.
type Followed = (String, Value, Duration);

/// The programs, and who is killed.
struct Crew {
    variables: Vec<(String, String)>,
    workers: Vec<Process>,
    killed: usize,
}

impl Crew {
    fn worker(variables: &[(String, String)]) -> Process {
        let variables: Vec<(&str, &str)> = variables.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        Process::start("offload-worker", &["--log=error"], &variables)
    }

    fn new(variables: Vec<(String, String)>, workers: usize) -> Self {
        let workers = (0..workers).map(|_| Self::worker(&variables)).collect();
        Self { variables, workers, killed: 0 }
    }

    /// Kills one, another each time, and starts it again.
    fn kill_one(&mut self) {
        let at = self.killed % self.workers.len();
        self.workers[at].kill();
        self.workers[at] = Self::worker(&self.variables);
        self.killed += 1;
    }
}

impl Ordeal {
    /// Goes through it, with two workers and an api as programs of their own.
    ///
    /// # Panics
    /// If the programs do not start, an order is not accepted or does not end within [`PATIENCE`], or one is seen going
    /// back.
    pub async fn run(self) -> Outcome {
        let setup = Setup { workers: 0, apis: 1, ..Setup::default() }
            .with(c::VISIBILITY_SECONDS, 5)
            .with(c::MAX_ATTEMPTS, 50)
            .with(c::CONCURRENCY, 64)
            .with(c::SWEEP_AFTER_SECONDS, 5)
            .with(c::JOB_SECONDS, "exp:0.05");
        let system = setup.start().await;
        let mut crew = Crew::new(system.variables(), 2);
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
        let follow = async |n: usize| {
            let receipt = post_until_accepted(&system.http, &url, &format!("order-{n}")).await;
            let (accepted, mut view) = (Instant::now(), View::default());
            let done = view.until_done_every(LOOK_EVERY, &system.http, &receipt.status_url).await;
            ended.fetch_add(1, Ordering::Relaxed);
            (receipt.id, done, accepted.elapsed())
        };
        let following = stream::iter(0..self.orders).map(follow).buffer_unordered(self.clients).collect();
        let killing = async {
            // A worker dies each time that another share of the orders has ended.
            while crew.killed < self.kills {
                if ended.load(Ordering::Relaxed) * (self.kills + 1) >= self.orders * (crew.killed + 1) {
                    crew.kill_one();
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        let (orders, ()): (Vec<Followed>, ()) = tokio::join!(following, killing);
        let took = begun.elapsed();
        for service in SERVICES {
            system.stack.faults(service).clear();
        }
        let ids: HashSet<&str> = orders.iter().map(|(id, _, _)| id.as_str()).collect();
        let attempts = |done: &Value| done["attempt"].as_u64().unwrap_or(0);
        Outcome {
            accepted: ids.len(),
            completed: orders.iter().filter(|(_, done, _)| done["status"] == "completed").count(),
            repeated: orders.iter().map(|(_, done, _)| attempts(done).saturating_sub(1)).sum(),
            disagreeing: disagreeing(&system, &orders).await,
            sent: system.stack.requests(Service::Sqs).with_status("SendMessage", 200),
            delivered: system.stack.deliveries("orders"),
            killed: crew.killed,
            took,
            slowest: orders.iter().map(|(_, _, took)| *took).max().unwrap_or_default(),
        }
    }
}

/// Counts the orders whose row, once nothing goes on any more, says something else than their object said.
async fn disagreeing(system: &System, orders: &[Followed]) -> usize {
    let differs = async |(id, done, _): &Followed| {
        let record = system.stores.orders.get(id.parse().expect("an order id")).await.expect("the table answers");
        record.is_none_or(|r| {
            done["status"] != r.state.status.as_str() || done["revision"].as_u64() != Some(r.state.revision)
        })
    };
    stream::iter(orders).map(differs).buffer_unordered(32).filter(|differs| std::future::ready(*differs)).count().await
}

impl Outcome {
    /// Whether the promises held.
    #[must_use]
    pub fn holds(&self, ordeal: &Ordeal) -> bool {
        self.accepted == ordeal.orders
            && self.completed == ordeal.orders
            && self.disagreeing == 0
            && self.killed == ordeal.kills
            && self.slowest < PATIENCE
    }
}

impl fmt::Display for Outcome {
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
