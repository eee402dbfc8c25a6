//! When will an order be done? The shell around [`offload_domain::eta`]: what is known of the queue right now.

mod arrivals;
mod gauge;

use std::time::Duration;

use offload_domain::{
    eta::{self, Basis, Estimate, QueueState, ServiceTimes},
    history::Fleet,
};
use offload_service::settings::EtaSettings;
use offload_stores::{QueueDepth, Stores};
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;
use arrivals::Arrivals;
use gauge::QueueGauge;

/// What an estimate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grounds {
    /// Orders waiting.
    pub(crate) queue_depth: u64,
    /// A guess, or a history.
    pub(crate) basis: Basis,
}

impl Grounds {
    fn of(depth: QueueDepth, fleet: &Fleet) -> Self {
        Self { queue_depth: depth.visible, basis: ServiceTimes::basis(&fleet.history) }
    }
}

/// Makes the estimates of this process.
#[derive(Debug)]
pub(crate) struct Estimator {
    guess: ServiceTimes,
    concurrency: f64,
    gauge: QueueGauge,
    arrivals: Arrivals,
}

impl Estimator {
    pub(crate) fn new(settings: EtaSettings, stores: &Stores, metrics: Metrics, tasks: TaskTracker) -> Self {
        Self {
            guess: ServiceTimes::configured(settings.expected_job_seconds),
            concurrency: f64::from(settings.expected_concurrency),
            gauge: QueueGauge::new(stores.queue.clone(), stores.orders.clone(), metrics, tasks),
            arrivals: Arrivals::default(),
        }
    }

    /// The estimate for an order that joins the queue after `delay`, and what it rests on. Counts the order: those that
    /// come in the same moment are ahead of each other, long before one of them stands in the queue.
    pub(crate) async fn estimate(&self, delay: Duration) -> (Estimate, Grounds) {
        let depth = self.gauge.depth().await;
        // Once, for the estimate and for what is said of it: a newer report may come in between.
        let fleet = self.gauge.fleet();
        let queue = QueueState {
            visible: depth.visible as f64,
            in_flight: depth.in_flight as f64,
            accepted_3s: self.arrivals.last_3s(),
            finished_3s: fleet.finished_3s,
            ..QueueState::default()
        };
        let times = ServiceTimes::known(&fleet.history, self.guess);
        // No worker has ever reported: they may not have started yet.
        let concurrency = if fleet.concurrency > 0.0 { fleet.concurrency } else { self.concurrency };
        let estimate = eta::estimate(&queue, &times, concurrency).delayed(delay.as_secs_f64());
        self.arrivals.count();
        (estimate, Grounds::of(depth, &fleet))
    }

    /// What an estimate would rest on now.
    pub(crate) fn grounds(&self) -> Grounds {
        Grounds::of(self.gauge.last(), &self.gauge.fleet())
    }

    /// Takes back an order that was not accepted after all.
    pub(crate) fn not_accepted(&self) {
        self.arrivals.take_back();
    }
}
