//! What this worker reports to the api: how many orders it works on at once, and how long they
//! take.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    eta::ServiceTimes,
    history::{History, REPORT_TTL, StartedTenants, WorkerReport},
    order::{Order, OrderRecord},
    status::EtaWindow,
    tenant::Tenant,
    worker_figures::WorkerFigures,
};
use offload_service::clock;
use offload_stores::OrderTable;
use parking_lot::Mutex;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::notify::Notifier;

/// Between two reports. A worker counts as gone after four missed ones.
const EVERY: Duration = Duration::from_secs(3);

/// The span of [`WorkerReport::finished_3s`].
const SPAN: TimeDelta = TimeDelta::seconds(3);

/// A worker that has been silent for this long is gone for good: a worker that starts adopts its
/// history.
const GONE: TimeDelta = TimeDelta::minutes(5);

/// The history of this process.
pub(crate) struct Reporter {
    worker: String,
    concurrency: u32,
    /// Permits that most orders do without.
    kept: AtomicU32,
    guess: ServiceTimes,
    /// Knows how webhooks fare.
    notifier: Option<Arc<Notifier>>,
    recorded: Mutex<Recorded>,
}

#[derive(Debug, Default)]
struct Recorded {
    reported_at: Option<DateTime<Utc>>,
    history: History,
    finished: VecDeque<DateTime<Utc>>,
    tenants: StartedTenants,
    figures: WorkerFigures,
}

/// An order that is worked on, as its tenant's. Dropped when it is not any more.
pub(crate) struct Running<'a> {
    reporter: &'a Reporter,
    tenant: Tenant,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut recorded = self.reporter.recorded.lock();
        recorded.tenants.stop(&self.tenant);
        recorded.figures.running = recorded.figures.running.saturating_sub(1);
    }
}

impl Reporter {
    pub(crate) fn new(worker: &str, concurrency: usize, guess: ServiceTimes, notifier: Option<Arc<Notifier>>) -> Self {
        let concurrency = u32::try_from(concurrency).unwrap_or(u32::MAX);
        let kept = AtomicU32::new(0);
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let figures = WorkerFigures { version, started_at: clock::now(), ..WorkerFigures::default() };
        let recorded = Mutex::new(Recorded { figures, ..Recorded::default() });
        Self { worker: worker.to_owned(), concurrency, kept, guess, notifier, recorded }
    }

    /// So many permits are kept free for tenants that use less than their share. What is reported
    /// is without them: it is by them that the others wait.
    pub(crate) fn keep(&self, permits: usize) {
        self.kept.store(u32::try_from(permits).unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// Records that the work on an order starts; by its first attempt one knows how long orders
    /// wait.
    pub(crate) fn started(&self, order: &Order, attempt: u32, now: DateTime<Utc>) -> Running<'_> {
        let due = (attempt == 1).then(|| order.not_before.unwrap_or(order.created_at).max(order.created_at));
        let mut recorded = self.recorded.lock();
        recorded.tenants.start(&order.tenant, due, now);
        recorded.figures.running += 1;
        Running { reporter: self, tenant: order.tenant.clone() }
    }

    /// Records an order that ended: how long its last attempt kept its permit, and which one it
    /// was.
    pub(crate) fn finished(&self, took: Duration, attempt: u32, now: DateTime<Utc>) {
        let mut recorded = self.recorded.lock();
        recorded.history.record(took.as_secs_f64(), attempt, now);
        recorded.finished.push_back(now);
        recorded.forget(now);
    }

    /// Counts an order whose end was published, and that was expected in this window.
    pub(crate) fn ended(&self, record: &OrderRecord, expected: Option<EtaWindow>, now: DateTime<Utc>) {
        self.recorded.lock().figures.ended(record, expected, now);
    }

    /// The service times as this worker knows them.
    pub(crate) fn times(&self) -> ServiceTimes {
        ServiceTimes::known(&self.recorded.lock().history, self.guess)
    }

    /// Reports until `stop`. The first report adopts the histories of workers that are gone.
    pub(crate) async fn run(&self, orders: &OrderTable, stop: &CancellationToken) {
        loop {
            self.report(orders).await;
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(EVERY) => {}
            }
        }
    }

    /// Reports if it is time: for a worker that runs only now and then.
    pub(crate) async fn report_if_due(&self, orders: &OrderTable) {
        let reported_at = self.recorded.lock().reported_at;
        let every = TimeDelta::from_std(EVERY).unwrap_or(SPAN);
        if reported_at.is_none_or(|at| clock::now() - at >= every) {
            self.report(orders).await;
        }
    }

    async fn report(&self, orders: &OrderTable) {
        let now = clock::now();
        let first = self.recorded.lock().reported_at.replace(now).is_none();
        if first {
            self.adopt(orders).await;
        }
        if let Err(e) = orders.publish_report(&self.current(now)).await {
            // The api works with what it knows; the next report makes up for this one.
            tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot publish the worker's report");
        }
    }

    async fn adopt(&self, orders: &OrderTable) {
        let now = clock::now();
        // Without it this worker starts from its guess, and learns.
        let Ok(reports) = orders.worker_reports().await else { return };
        for report in reports.into_iter().filter(|r| now - r.reported_at > GONE.max(REPORT_TTL)) {
            if orders.adopt_report(&report.worker, report.reported_at).await.unwrap_or(false) {
                let mut recorded = self.recorded.lock();
                recorded.history = recorded.history.merge(&report.history);
            }
        }
    }

    fn current(&self, now: DateTime<Utc>) -> WorkerReport {
        let endpoints = self.notifier.as_ref().map(|notifier| notifier.endpoints(now)).unwrap_or_default();
        let mut recorded = self.recorded.lock();
        recorded.forget(now);
        WorkerReport {
            worker: self.worker.clone(),
            concurrency: self.concurrency.saturating_sub(self.kept.load(Ordering::Relaxed)).max(1),
            finished_3s: u32::try_from(recorded.finished.len()).unwrap_or(u32::MAX),
            history: recorded.history.clone(),
            tenants: recorded.tenants.report(now),
            figures: Some(WorkerFigures { endpoints, ..recorded.figures.clone() }),
            reported_at: now,
        }
    }
}

impl Recorded {
    /// Forgets what finished before the span.
    fn forget(&mut self, now: DateTime<Utc>) {
        while self.finished.front().is_some_and(|at| now - *at > SPAN) {
            self.finished.pop_front();
        }
    }
}
