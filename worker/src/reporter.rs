//! What this worker tells the api of itself: how many orders it works on at once, and how long they take.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    eta::ServiceTimes,
    history::{History, REPORT_TTL, WorkerReport},
};
use offload_service::clock;
use offload_stores::OrderTable;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Between two reports. A worker counts as gone after four that were missed.
const EVERY: Duration = Duration::from_secs(3);

/// The span of [`WorkerReport::finished_3s`].
const SPAN: TimeDelta = TimeDelta::seconds(3);

/// A worker silent for so long is gone for good, and its history is taken over by one that starts.
const GONE: TimeDelta = TimeDelta::minutes(5);

/// The history of this process.
#[derive(Debug)]
pub(crate) struct Reporter {
    worker: String,
    concurrency: u32,
    guess: ServiceTimes,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// When this worker last told.
    told_at: Option<DateTime<Utc>>,
    history: History,
    finished: VecDeque<DateTime<Utc>>,
}

impl Reporter {
    pub(crate) fn new(worker: &str, concurrency: usize, guess: ServiceTimes) -> Self {
        let concurrency = u32::try_from(concurrency).unwrap_or(u32::MAX);
        Self { worker: worker.to_owned(), concurrency, guess, seen: Mutex::default() }
    }

    /// Takes note of an order that ended: how long its last attempt took, and which one it was.
    pub(crate) fn finished(&self, took: Duration, attempt: u32, now: DateTime<Utc>) {
        let mut seen = self.lock();
        seen.history.record(took.as_secs_f64(), attempt, now);
        seen.finished.push_back(now);
        forget(&mut seen.finished, now);
    }

    /// The service times as this worker knows them.
    pub(crate) fn times(&self) -> ServiceTimes {
        ServiceTimes::known(&self.lock().history, self.guess)
    }

    /// Publishes until `stop`. What came before, from workers that are gone, is taken over first.
    pub(crate) async fn run(&self, orders: &OrderTable, stop: &CancellationToken) {
        loop {
            self.tell(orders).await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(EVERY) => {}
            }
        }
    }

    /// Publishes, if it is time: for a worker that runs only now and then.
    pub(crate) async fn tell_if_due(&self, orders: &OrderTable) {
        let told_at = self.lock().told_at;
        let every = TimeDelta::from_std(EVERY).unwrap_or(SPAN);
        if told_at.is_none_or(|at| clock::now() - at >= every) {
            self.tell(orders).await;
        }
    }

    async fn tell(&self, orders: &OrderTable) {
        let now = clock::now();
        let first = self.lock().told_at.replace(now).is_none();
        if first {
            self.take_over(orders).await;
        }
        if let Err(e) = orders.publish_report(&self.report(now)).await {
            // The api then works with what it knew; the next report makes up for it.
            tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot publish the worker's report");
        }
    }

    async fn take_over(&self, orders: &OrderTable) {
        let now = clock::now();
        // Without it this worker starts from its guess, and learns.
        let Ok(reports) = orders.worker_reports().await else { return };
        for report in reports.into_iter().filter(|r| now - r.reported_at > GONE.max(REPORT_TTL)) {
            if orders.adopt_report(&report.worker, report.reported_at).await.unwrap_or(false) {
                let mut seen = self.lock();
                seen.history = seen.history.merge(&report.history);
            }
        }
    }

    fn report(&self, now: DateTime<Utc>) -> WorkerReport {
        let mut seen = self.lock();
        forget(&mut seen.finished, now);
        WorkerReport {
            worker: self.worker.clone(),
            concurrency: self.concurrency,
            finished_3s: u32::try_from(seen.finished.len()).unwrap_or(u32::MAX),
            history: seen.history.clone(),
            reported_at: now,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        // A panic while it is held leaves a history that is at worst one order short.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget(finished: &mut VecDeque<DateTime<Utc>>, now: DateTime<Utc>) {
    while finished.front().is_some_and(|at| now - *at > SPAN) {
        finished.pop_front();
    }
}
