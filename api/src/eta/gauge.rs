//! The depths of the queues and the reports of the workers, read at most once a second, and off the
//! request path while they are warm.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::try_join_all;
use offload_domain::{history::Fleet, lane::Lane};
use offload_service::clock;
use offload_stores::{Error, OrderTable, Queue, QueueDepth, Stores};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;

/// A depth younger than this is used as it is.
const FRESH: Duration = Duration::from_secs(1);
/// A depth younger than this is used while a new one is fetched.
const USABLE: Duration = Duration::from_secs(10);
/// Workers report every three seconds: more reads only cost.
const FLEET_FRESH: Duration = Duration::from_secs(3);
/// The longest that a request waits for a depth.
const WAIT_MAX: Duration = Duration::from_millis(500);
/// The pause after a failed read. No request waits until a read has succeeded again.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Reads SQS and the order table, one read at a time. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct QueueGauge {
    queues: Arc<[(Lane, Queue)]>,
    orders: OrderTable,
    metrics: Metrics,
    tasks: TaskTracker,
    state: Arc<Mutex<State>>,
    /// Sent after every read, whether it failed or not.
    finished: watch::Sender<()>,
}

/// How much each lane has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Depths([QueueDepth; Lane::ALL.len()]);

impl Depths {
    pub(crate) fn of(&self, lane: Lane) -> QueueDepth {
        self.0[lane.index()]
    }

    /// The lanes in which orders wait.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = Lane> {
        Lane::ALL.into_iter().filter(|lane| self.of(*lane).visible > 0)
    }
}

#[derive(Debug, Default)]
struct State {
    last: Option<(Instant, Depths)>,
    fleet: Option<(Instant, Arc<Fleet>)>,
    failed: Option<Instant>,
    reading: bool,
}

/// What to do for a request that wants the depth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    read: bool,
    wait: bool,
}

/// Decides by the ages of the last depth and of the last failure since then. Pure.
fn plan(age: Option<Duration>, failed: Option<Duration>, reading: bool) -> Plan {
    let fresh = age.is_some_and(|a| a < FRESH);
    let usable = age.is_some_and(|a| a < USABLE);
    Plan { read: !fresh && !reading && failed.is_none_or(|f| f >= AFTER_FAILURE), wait: !usable && failed.is_none() }
}

impl QueueGauge {
    /// A gauge whose calls are counted among `tasks`.
    pub(crate) fn new(stores: &Stores, metrics: Metrics, tasks: TaskTracker) -> Self {
        let queues = stores.order_queues.lanes().map(|(lane, queue)| (lane, queue.clone())).collect();
        let (orders, state) = (stores.orders.clone(), Arc::default());
        Self { queues, orders, metrics, tasks, state, finished: watch::Sender::new(()) }
    }

    /// The depths as well as they are known without a long wait; never an error.
    pub(crate) async fn depths(&self) -> Depths {
        let mut finished = self.finished.subscribe();
        let plan = {
            let mut state = self.state.lock();
            let age = state.last.map(|(at, _)| at.elapsed());
            let plan = plan(age, state.failed.map(|at| at.elapsed()), state.reading);
            state.reading |= plan.read;
            plan
        };
        if plan.read {
            let gauge = self.clone();
            self.tasks.spawn(async move { gauge.read().await });
        }
        if plan.wait {
            // Late or failed: the estimate is made with what there is.
            let _ = timeout(WAIT_MAX, finished.changed()).await;
        }
        self.last()
    }

    /// The last reports of the workers; none if there never were any.
    pub(crate) fn fleet(&self) -> Arc<Fleet> {
        self.state.lock().fleet.as_ref().map(|(_, fleet)| Arc::clone(fleet)).unwrap_or_default()
    }

    /// The last depths; empty queues if there never were any.
    pub(crate) fn last(&self) -> Depths {
        self.state.lock().last.map(|(_, depths)| depths).unwrap_or_default()
    }

    async fn read(&self) {
        let (depths, ()) = tokio::join!(self.read_queues(), self.read_workers());
        {
            let mut state = self.state.lock();
            state.reading = false;
            state.failed = depths.is_err().then(Instant::now);
            if let Ok(depths) = depths {
                state.last = Some((Instant::now(), depths));
                for (lane, _) in self.queues.iter() {
                    self.metrics.queue_messages(*lane, &depths.of(*lane));
                }
                self.metrics.queue_depth(depths.0.iter().map(|depth| depth.visible).sum());
            }
        }
        if let Err(e) = depths {
            self.metrics.aws_error(&e);
            tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot read the queue's depth");
        }
        self.finished.send_replace(());
    }

    async fn read_queues(&self) -> Result<Depths, Error> {
        let depths = self.queues.iter().map(async |(lane, queue)| Ok((*lane, queue.depth().await?)));
        let mut all = Depths::default();
        for (lane, depth) in try_join_all(depths).await? {
            all.0[lane.index()] = depth;
        }
        Ok(all)
    }

    async fn read_workers(&self) {
        if self.state.lock().fleet.as_ref().is_some_and(|(at, _)| at.elapsed() < FLEET_FRESH) {
            return;
        }
        match self.orders.worker_reports().await {
            Ok(reports) => {
                let fleet = Arc::new(Fleet::merge(&reports, clock::now()));
                // Of workers that have gone the estimates use what they could do; here it is none.
                self.metrics.worker_permits(if fleet.alive { fleet.concurrency } else { 0.0 });
                self.state.lock().fleet = Some((Instant::now(), fleet));
            }
            // The last reports stay in use: service times change slowly.
            Err(e) => {
                self.metrics.aws_error(&e);
                tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot read the reports of the workers");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_waits_only_for_a_queue_that_answers_and_no_usable_depth() {
        let s = |s: u64| Some(Duration::from_secs(s));
        let ms = |ms: u64| Some(Duration::from_millis(ms));
        let p = |read, wait| Plan { read, wait };
        for (age, failed, reading, expected) in [
            (None, None, false, p(true, true)),
            (None, None, true, p(false, true)),
            (ms(999), None, false, p(false, false)),
            (s(1), None, false, p(true, false)),
            (s(9), None, true, p(false, false)),
            (s(10), None, false, p(true, true)),
            (s(10), ms(500), false, p(false, false)),
            (None, s(1), false, p(true, false)),
            (None, s(60), true, p(false, false)),
        ] {
            assert_eq!(plan(age, failed, reading), expected, "{age:?} {failed:?} {reading}");
        }
    }
}
