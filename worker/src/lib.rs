//! The worker: takes orders from the queue, has them processed, and records what became of them.
//!
//! One order's way: `consumer` receives a message, `job::claim` makes the order its own in the order table,
//! `job::run` has it processed while `job::lease` holds it, `job::record` stores the end, shows it in S3 and only
//! then deletes the message. Beside it, `sweeper` sends what was accepted and not sent, and `dead_letters` ends what
//! the queue gave up.
//!
//! Invariant: a message is deleted only after the final status stands in S3.

mod consumer;
mod dead_letters;
mod job;
mod lambda;
mod notify;
pub mod processor;
pub mod program;
mod reporter;
mod sweeper;

use std::{sync::Arc, time::Duration};

use offload_domain::eta::ServiceTimes;
use offload_service::settings::{EtaSettings, WorkerSettings};
use offload_stores::Stores;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use notify::Notifier;
use processor::Processor;
use reporter::Reporter;

/// What every job of a worker shares.
#[derive(Clone)]
struct Worker {
    settings: WorkerSettings,
    reporter: Arc<Reporter>,
    stores: Stores,
    processor: Arc<dyn Processor>,
    /// Delivers notifications, where there are any.
    notifier: Option<Arc<Notifier>>,
    /// Names this process in leases.
    name: String,
    /// Set when jobs that still run must hand their orders back.
    halt: CancellationToken,
    /// In a function: how much time there is from the start of the invocation to `halt`.
    time: Option<Duration>,
}

impl Worker {
    fn new(settings: WorkerSettings, eta: EtaSettings, stores: Stores, processor: Arc<dyn Processor>) -> Self {
        let name = format!("worker-{}", uuid::Uuid::new_v4().simple());
        let guess = ServiceTimes::configured(eta.expected_job_seconds);
        let notifier = Notifier::new(&stores, &settings.notifier).unwrap_or_else(|e| {
            tracing::error!(error = e, "notifications are not delivered by this worker");
            None
        });
        Self {
            notifier: notifier.map(Arc::new),
            reporter: Arc::new(Reporter::new(&name, settings.concurrency, guess)),
            name,
            halt: CancellationToken::new(),
            time: None,
            settings,
            stores,
            processor,
        }
    }
}

/// Works until `stop`, then lets the running jobs finish, hands back what does not within the grace period, and
/// returns.
pub async fn run(
    settings: WorkerSettings,
    eta: EtaSettings,
    stores: Stores,
    processor: Arc<dyn Processor>,
    stop: CancellationToken,
) {
    let worker = Arc::new(Worker::new(settings, eta, stores, processor));
    let (every, age) = (worker.settings.sweep_every, worker.settings.sweep_after);
    let mut beside = JoinSet::new();
    beside.spawn(sweeper::run(worker.stores.clone(), every, age, stop.clone()));
    if let Some(queue) = worker.stores.dead_letters.clone() {
        beside.spawn(dead_letters::consume(Arc::clone(&worker), queue, stop.clone()));
    }
    let (reporting, told) = (Arc::clone(&worker), stop.clone());
    beside.spawn(async move { reporting.reporter.run(&reporting.stores.orders, &told).await });
    // What the last orders came to is told before the end, as far as there is time.
    let told = CancellationToken::new();
    let notifying = worker.notifier.clone().map(|notifier| tokio::spawn(notifier.run(told.clone())));
    consumer::consume(worker, stop).await;
    told.cancel();
    // They stop when the consumer does, and hold nothing that must be finished.
    beside.shutdown().await;
    if let Some(notifying) = notifying
        && let Err(e) = notifying.await
    {
        tracing::error!(error = %e, "the notifier has failed");
    }
}
