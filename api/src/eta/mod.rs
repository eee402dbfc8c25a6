//! When an order will be done: [`offload_domain::eta`] with what is known of the queue right now.

mod arrivals;
mod gauge;
mod posts;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use offload_domain::{
    eta::{self, Basis, Estimate, QueueState, ServiceTimes, TenantQueue},
    history::Fleet,
    lane::{Lane, Priority, Usage},
    tenant::Tenant,
};
use offload_service::{clock, settings::EtaSettings};
use offload_stores::{QueueDepth, Stores};
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

/// What is said of an order when it is accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Forecast {
    /// By which lane it goes.
    pub(crate) lane: Lane,
    /// When it will be done.
    pub(crate) estimate: Estimate,
    /// What that is made from.
    pub(crate) inputs: EstimateInputs,
}

/// What estimates are made from, as it was at one time.
#[derive(Debug, Clone)]
pub(crate) struct Observation {
    depths: Depths,
    fleet: Arc<Fleet>,
}

/// Seconds: the workers report so often.
const REPORTS_AGE: f64 = 3.0;

/// Seconds: posts are counted for a day at most.
const LONGEST_SPAN: f64 = 86_400.0;

/// Makes the estimates of this process.
#[derive(Debug)]
pub(crate) struct Estimator {
    guess: ServiceTimes,
    concurrency: f64,
    has_quiet_lane: bool,
    gauge: QueueGauge,
    /// By lane.
    arrivals: [Arrivals; Lane::ALL.len()],
    posts: Posts,
    under_way: Arc<AtomicU32>,
}

/// An order that is being accepted, until this is dropped.
#[derive(Debug)]
#[must_use = "it counts until it is dropped"]
pub(crate) struct UnderWay(Arc<AtomicU32>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Estimator {
    pub(crate) fn new(settings: EtaSettings, stores: &Stores, metrics: Metrics, tasks: TaskTracker) -> Self {
        Self {
            guess: ServiceTimes::configured(settings.expected_job_seconds),
            concurrency: f64::from(settings.expected_concurrency),
            has_quiet_lane: stores.order_queues.has(Lane::Quiet),
            gauge: QueueGauge::new(stores, metrics, tasks),
            arrivals: Default::default(),
            posts: Posts::default(),
            under_way: Arc::default(),
        }
    }

    /// What is known of the queues and the workers now. It is read once for a batch.
    pub(crate) async fn observe(&self) -> Observation {
        let depths = self.gauge.depths().await;
        Observation { depths, fleet: self.gauge.fleet() }
    }

    /// An order begins to be accepted: until it is in the queue, others may overtake it. An order
    /// of a batch is not counted, as it is sent with the rest of it.
    pub(crate) fn begin(&self) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(&self.under_way))
    }

    /// Orders that wait and orders that run, as the queues have them.
    pub(crate) async fn totals(&self) -> (u64, u64) {
        let depths = self.gauge.depths().await;
        let of = |count: fn(&QueueDepth) -> u64| Lane::ALL.into_iter().map(|lane| count(&depths.of(lane))).sum();
        (of(|depth| depth.visible + depth.delayed), of(|depth| depth.in_flight))
    }

    /// By which lane an order of a tenant goes that joins its queue after `delay`, when it will be
    /// done, and what that estimate is made from. Counts the order: orders that arrive in the same
    /// moment are ahead of each other, long before one of them is in the queue.
    pub(crate) fn estimate(
        &self,
        Observation { depths, fleet }: &Observation,
        tenant: &Tenant,
        priority: Priority,
        delay: Duration,
    ) -> Forecast {
        let times = ServiceTimes::known(&fleet.history, self.guess);
        // No worker has ever reported: they may not have started yet.
        let concurrency = if fleet.concurrency > 0.0 { fleet.concurrency } else { self.concurrency };
        // What a tenant uses when its order is due is not known now.
        let may_be_quiet = self.has_quiet_lane && delay.is_zero() && priority != Priority::Low;
        let quiet = may_be_quiet && self.usage(tenant, fleet, times.mean).is_quiet(concurrency);
        let lane = if quiet { Lane::Quiet } else { priority.into() };
        let (depth, arrivals) = (depths.of(lane), &self.arrivals[lane.index()]);
        let recent = arrivals.recent();
        let (visible, in_flight) = (depth.visible as f64, depth.in_flight as f64);
        // What finished since the count was counted, or accepted long enough ago. Workers report a
        // few seconds late: after a stream of orders, what they finished is none of a new burst.
        let finishable = visible + in_flight + recent.older(times.p10);
        let queue = QueueState {
            visible,
            in_flight,
            accepted_3s: recent.all(),
            finished_3s: fleet.finished_3s.min(finishable),
            under_way: f64::from(self.under_way.load(Ordering::Relaxed)),
            unfinished: recent.unfinished(concurrency.max(1.0) / times.mean.max(1e-3)),
            ..QueueState::default()
        };
        let (queue, concurrency) = queue.beside(lane, depths.waiting(), concurrency);
        let now = clock::now();
        let own = fleet.tenants.of(tenant, times.mean).map(|start| {
            let posted = self.posts.since(tenant, (now - start.posted_at).to_std().unwrap_or_default());
            TenantQueue::new(&start, posted, now)
        });
        let queue = own.map_or(queue, |own| queue.of_tenant(&own, concurrency, times.mean));
        let estimate = eta::estimate(&queue, &times, concurrency).delayed(delay.as_secs_f64());
        arrivals.count();
        self.posts.count(tenant);
        Forecast { lane, estimate, inputs: EstimateInputs::of(depths, lane, fleet) }
    }

    /// How much of the workers a tenant uses, with one order more that takes `mean` seconds.
    fn usage(&self, tenant: &Tenant, fleet: &Fleet, mean: f64) -> Usage {
        // As long as its orders are worked on: so many run at once. No shorter than what is known
        // of the workers is old.
        let span = mean.clamp(REPORTS_AGE, LONGEST_SPAN);
        let posted = self.posts.since(tenant, Duration::from_secs_f64(span)) + 1.0;
        fleet.tenants.usage(tenant, posted * mean / span, mean)
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
