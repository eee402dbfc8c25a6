//! When an order will be done: [`offload_domain::eta`] with what is known of the queue right now.

mod arrivals;
mod gauge;
mod posts;

use std::time::Duration;

use offload_domain::{
    eta::{self, Basis, Estimate, QueueState, ServiceTimes, TenantQueue},
    history::Fleet,
    lane::Lane,
    tenant::Tenant,
};
use offload_service::{clock, settings::EtaSettings};
use offload_stores::Stores;
use tokio_util::task::TaskTracker;

use crate::metrics::Metrics;
use arrivals::Arrivals;
use gauge::{Depths, QueueGauge};
use posts::Posts;

/// What an estimate is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EstimateInputs {
    /// Orders waiting.
    pub(crate) queue_depth: u64,
    /// Whether service times are measured or configured.
    pub(crate) basis: Basis,
}

impl EstimateInputs {
    fn of(depths: &Depths, lane: Lane, fleet: &Fleet) -> Self {
        Self { queue_depth: depths.of(lane).visible, basis: ServiceTimes::basis(&fleet.history) }
    }
}

/// Makes the estimates of this process.
#[derive(Debug)]
pub(crate) struct Estimator {
    guess: ServiceTimes,
    concurrency: f64,
    gauge: QueueGauge,
    /// By lane.
    arrivals: [Arrivals; Lane::ALL.len()],
    posts: Posts,
}

impl Estimator {
    pub(crate) fn new(settings: EtaSettings, stores: &Stores, metrics: Metrics, tasks: TaskTracker) -> Self {
        Self {
            guess: ServiceTimes::configured(settings.expected_job_seconds),
            concurrency: f64::from(settings.expected_concurrency),
            gauge: QueueGauge::new(stores, metrics, tasks),
            arrivals: Default::default(),
            posts: Posts::default(),
        }
    }

    /// The estimate for an order of a tenant that joins the queue of a lane after `delay`, and what
    /// it is made from. Counts the order: orders that arrive in the same moment are ahead of each
    /// other, long before one of them is in the queue.
    pub(crate) async fn estimate(&self, tenant: &Tenant, lane: Lane, delay: Duration) -> (Estimate, EstimateInputs) {
        let depths = self.gauge.depths().await;
        let depth = depths.of(lane);
        // Once, for the estimate and for what it is made from: a newer report may come in between.
        let fleet = self.gauge.fleet();
        let queue = QueueState {
            visible: depth.visible as f64,
            in_flight: depth.in_flight as f64,
            accepted_3s: self.arrivals[lane.index()].last_3s(),
            finished_3s: fleet.finished_3s,
            ..QueueState::default()
        };
        let times = ServiceTimes::known(&fleet.history, self.guess);
        // No worker has ever reported: they may not have started yet.
        let concurrency = if fleet.concurrency > 0.0 { fleet.concurrency } else { self.concurrency };
        let (queue, concurrency) = queue.beside(lane, depths.waiting(), concurrency);
        let now = clock::now();
        let own = fleet.tenants.of(tenant, times.mean).map(|start| {
            let posted = self.posts.since(tenant, (now - start.posted_at).to_std().unwrap_or_default());
            TenantQueue::new(&start, posted, now)
        });
        let queue = own.map_or(queue, |own| queue.of_tenant(&own, concurrency, times.mean));
        let estimate = eta::estimate(&queue, &times, concurrency).delayed(delay.as_secs_f64());
        self.arrivals[lane.index()].count();
        self.posts.count(tenant);
        (estimate, EstimateInputs::of(&depths, lane, &fleet))
    }

    /// What an estimate for an order of a lane would be made from now.
    pub(crate) fn inputs(&self, lane: Lane) -> EstimateInputs {
        EstimateInputs::of(&self.gauge.last(), lane, &self.gauge.fleet())
    }

    /// Uncounts an order that was not accepted after all.
    pub(crate) fn uncount(&self, lane: Lane) {
        self.arrivals[lane.index()].uncount();
    }
}
