//! The depth of the queue and what the workers say of themselves, asked for at most once a second and off the request
//! path while they are warm.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use offload_domain::history::Fleet;
use offload_service::clock;
use offload_stores::{OrderTable, Queue, QueueDepth};
use tokio::{sync::watch, time::timeout};
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;

/// Younger than this it is simply used.
const FRESH: Duration = Duration::from_secs(1);
/// Younger than this it is used while a new one is fetched.
const USABLE: Duration = Duration::from_secs(10);
/// Workers report every three seconds; to ask more often only costs.
const FLEET_FRESH: Duration = Duration::from_secs(3);
/// The longest that a request waits for one.
const PATIENCE: Duration = Duration::from_millis(500);
/// After a failure nothing is asked for so long, and nobody waits until an answer has come again.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Asks SQS and the order table, single-flight. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct QueueGauge {
    queue: Queue,
    orders: OrderTable,
    metrics: Metrics,
    tasks: TaskTracker,
    state: Arc<Mutex<State>>,
    /// Tells of every finished call, whether it failed or not.
    finished: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<(Instant, QueueDepth)>,
    fleet: Option<(Instant, Arc<Fleet>)>,
    failed: Option<Instant>,
    asking: bool,
}

/// What to do for a request that wants the depth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    ask: bool,
    wait: bool,
}

/// Decides by the ages of the last answer and of the last failure since. Pure.
fn plan(age: Option<Duration>, failed: Option<Duration>, asking: bool) -> Plan {
    let fresh = age.is_some_and(|a| a < FRESH);
    let usable = age.is_some_and(|a| a < USABLE);
    Plan { ask: !fresh && !asking && failed.is_none_or(|f| f >= AFTER_FAILURE), wait: !usable && failed.is_none() }
}

impl QueueGauge {
    /// A gauge whose calls are counted among `tasks`.
    pub(crate) fn new(queue: Queue, orders: OrderTable, metrics: Metrics, tasks: TaskTracker) -> Self {
        Self { queue, orders, metrics, tasks, state: Arc::default(), finished: watch::Sender::new(()) }
    }

    /// The depth as well as it can be known without making a request wait: never an error.
    pub(crate) async fn depth(&self) -> QueueDepth {
        let mut finished = self.finished.subscribe();
        let plan = {
            let mut state = self.lock();
            let age = state.last.map(|(at, _)| at.elapsed());
            let plan = plan(age, state.failed.map(|at| at.elapsed()), state.asking);
            state.asking |= plan.ask;
            plan
        };
        if plan.ask {
            let gauge = self.clone();
            self.tasks.spawn(async move { gauge.ask().await });
        }
        if plan.wait {
            // Late or failed: the estimate is made with what there is.
            let _ = timeout(PATIENCE, finished.changed()).await;
        }
        self.last()
    }

    /// What the workers said last; nothing if they never did.
    pub(crate) fn fleet(&self) -> Arc<Fleet> {
        self.lock().fleet.as_ref().map(|(_, fleet)| Arc::clone(fleet)).unwrap_or_default()
    }

    /// The last answer; an empty queue if there never was one.
    pub(crate) fn last(&self) -> QueueDepth {
        self.lock().last.map(|(_, depth)| depth).unwrap_or_default()
    }

    async fn ask(&self) {
        let (answer, ()) = tokio::join!(self.queue.depth(), self.ask_workers());
        {
            let mut state = self.lock();
            state.asking = false;
            state.failed = answer.is_err().then(Instant::now);
            if let Ok(depth) = answer {
                state.last = Some((Instant::now(), depth));
                self.metrics.queue_depth(depth.visible);
            }
        }
        if let Err(e) = answer {
            self.metrics.aws_error(&e);
            tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot read the queue's depth");
        }
        self.finished.send_replace(());
    }

    async fn ask_workers(&self) {
        if self.lock().fleet.as_ref().is_some_and(|(at, _)| at.elapsed() < FLEET_FRESH) {
            return;
        }
        match self.orders.worker_reports().await {
            Ok(reports) => {
                let fleet = Arc::new(Fleet::merge(&reports, clock::now()));
                self.lock().fleet = Some((Instant::now(), fleet));
            }
            // What they said last holds on: service times change slowly.
            Err(e) => {
                self.metrics.aws_error(&e);
                tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot read what the workers report");
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_waits_only_where_nothing_usable_is_known_and_the_queue_answers() {
        let s = |s: u64| Some(Duration::from_secs(s));
        let ms = |ms: u64| Some(Duration::from_millis(ms));
        let p = |ask, wait| Plan { ask, wait };
        for (age, failed, asking, expected) in [
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
            assert_eq!(plan(age, failed, asking), expected, "{age:?} {failed:?} {asking}");
        }
    }
}
