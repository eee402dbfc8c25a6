//! When will an order be done? The shell around [`offload_shared::eta`]: what is known of the queue right now.

mod arrivals;
mod gauge;

use std::time::Duration;

use offload_shared::{
    aws::{QueueDepth, Stores},
    eta::{self, Basis, Estimate, QueueState, ServiceTimes},
    settings::EtaSettings,
};

use crate::metrics::Metrics;
use arrivals::Arrivals;
use gauge::QueueGauge;

/// Makes the estimates of this process.
#[derive(Debug)]
pub(crate) struct Estimator {
    guess: ServiceTimes,
    concurrency: f64,
    gauge: QueueGauge,
    arrivals: Arrivals,
}

impl Estimator {
    pub(crate) fn new(settings: EtaSettings, stores: &Stores, metrics: Metrics) -> Self {
        Self {
            guess: ServiceTimes::configured(settings.expected_job_seconds),
            concurrency: f64::from(settings.expected_concurrency),
            gauge: QueueGauge::new(stores.queue.clone(), stores.orders.clone(), metrics),
            arrivals: Arrivals::default(),
        }
    }

    /// The estimate for an order that joins the queue after `delay`.
    pub(crate) async fn estimate(&self, delay: Duration) -> Estimate {
        let depth = self.gauge.depth().await;
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
        eta::estimate(&queue, &times, concurrency).delayed(delay.as_secs_f64())
    }

    /// What the estimates rest on.
    pub(crate) fn basis(&self) -> Basis {
        ServiceTimes::basis(&self.gauge.fleet().history)
    }

    /// The queue as it was last seen.
    pub(crate) fn last_depth(&self) -> QueueDepth {
        self.gauge.last()
    }

    /// Counts an order that was sent to the queue.
    pub(crate) fn accepted(&self) {
        self.arrivals.count();
    }
}
