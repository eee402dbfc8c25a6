//! What the api knows of the queue and of the workers.

use offload_domain::{
    eta::{Concurrency, QueueState, ServiceTimes, TenantQueue, estimate, unfinished},
    history::{Fleet, History, StartedTenants, WorkerReport},
    lane::Lane,
};

use super::{Event, MeasuredOrder, World, clock, pool::RAMP};
use crate::polling_sim::{
    baseline,
    queue::{Class, Queue},
    random::Random,
};

/// Seconds between two reports of a worker.
const REPORT_EVERY: f64 = 3.0;
/// The age of SQS's counts when the api reads them, in seconds, evenly spread; it reads them once a
/// second.
pub(super) const COUNTS_LATE: (f64, f64) = (0.5, 4.5);
/// Their relative error.
const COUNTS_NOISE: f64 = 0.03;

impl World<'_> {
    /// An order that is posted now, with the estimate that the api gives it.
    pub(super) fn observe(&mut self, tenant: usize, lane: Lane) -> MeasuredOrder {
        self.refresh();
        // The same error for all orders of that second.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "simulated seconds fit")]
        let mut noise = Random::new(self.stream, self.now as u64);
        let read_at = self.now.floor() - noise.between(COUNTS_LATE.0, COUNTS_LATE.1);
        let known = self.counts.partition_point(|c| c.0 <= read_at).max(1) - 1;
        let (_, visible, in_flight) = self.counts[known];
        let mut approximately = |n: usize| (n as f64 * (1.0 + COUNTS_NOISE * noise.normal())).round().max(0.0);
        while self.arrivals.front().is_some_and(|&t| t <= self.now - 3.0) {
            self.arrivals.pop_front();
        }
        let times = self.times;
        let concurrency = self.concurrency(self.fleet.concurrency);
        let fastest = (concurrency.now + 3.0 * concurrency.ramp_per_s).min(concurrency.max) / times.mean.max(1e-3);
        let accepted = self.arrivals.iter().rev().map(|at| (self.now - at, 1.0));
        let state = QueueState {
            visible: approximately(visible),
            in_flight: approximately(in_flight),
            accepted_3s: self.arrivals.len() as f64,
            finished_3s: self.fleet.finished_3s,
            unfinished: unfinished(accepted, fastest),
            ..QueueState::default()
        };
        let mean = self.queue.mean * self.pace;
        let scale = mean / times.mean.max(1e-9);
        let known =
            ServiceTimes { mean, p10: times.p10 * scale, p50: times.p50 * scale, p90: times.p90 * scale, ..times };
        let pool = if self.pool == 0 { self.fleet.concurrency } else { self.pool as f64 };
        let of_queue = estimate(&state, &times, concurrency);
        let now = clock(self.now);
        let own = self.fleet.tenants.of(&Queue::name(tenant), times.mean).map(|start| {
            let ago = (now - start.posted_at).as_seconds_f64();
            let posts = &self.posts[tenant];
            let posted = posts.len() - posts.partition_point(|&at| at <= self.now - ago);
            TenantQueue::new(&start, posted as f64, now)
        });
        let state = own.map_or(state, |own| state.of_tenant(&own, concurrency.now, times.mean));
        let (state, _) = state.beside(lane, std::iter::empty(), concurrency.now);
        MeasuredOrder {
            tenant,
            of_queue,
            posted: self.now - self.measured_from,
            first_started: 0.0,
            started: 0.0,
            done: 0.0,
            estimate: estimate(&state, &times, concurrency),
            informed: estimate(&state, &known, self.concurrency(pool)),
            baseline: baseline::estimate(&state, &times, concurrency),
            naive: (state.visible + state.in_flight) * times.mean,
            times,
        }
    }

    /// Whether the api sends an order of a tenant that is posted now by the quiet lane.
    pub(super) fn is_quiet(&mut self, tenant: usize) -> bool {
        if !self.queue.quiet_lane {
            return false;
        }
        self.refresh();
        let (mean, posts) = (self.times.mean, &self.posts[tenant]);
        let span = mean.max(REPORT_EVERY);
        let posted = posts.len() - posts.partition_point(|&at| at <= self.now - span) + 1;
        let usage = self.fleet.tenants.usage(&Queue::name(tenant), posted as f64 * mean / span, mean);
        usage.is_quiet(self.fleet.concurrency)
    }

    fn concurrency(&self, now: f64) -> Concurrency {
        match self.queue.class {
            Class::Elastic => Concurrency { now, ramp_per_s: RAMP, max: self.queue.concurrency as f64 },
            _ => now.into(),
        }
    }

    /// Each worker reports every third second, not all in the same one.
    pub(super) fn report(&mut self) {
        let alive = self.workers.iter().filter(|w| w.alive).count().max(1);
        let used = self.pool.saturating_sub(self.permits().kept);
        let (share, over) = (used / alive, used % alive);
        let second = self.now.round();
        for (index, (name, worker)) in self.workers.iter_mut().enumerate().filter(|(_, w)| w.alive).enumerate() {
            if (second + name as f64) % REPORT_EVERY > 0.5 && worker.report.is_some() {
                continue;
            }
            while worker.finished.front().is_some_and(|&t| t <= self.now - 3.0) {
                worker.finished.pop_front();
            }
            let report = worker.report.get_or_insert_with(|| WorkerReport {
                worker: name.to_string(),
                concurrency: 0,
                finished_3s: 0,
                history: History::default(),
                tenants: StartedTenants::default(),
                figures: None,
                reported_at: clock(self.now),
            });
            report.concurrency = u32::try_from(share + usize::from(index < over)).unwrap_or(u32::MAX);
            report.finished_3s = u32::try_from(worker.finished.len()).unwrap_or(u32::MAX);
            report.reported_at = clock(self.now);
            report.tenants = worker.tenants.report(report.reported_at);
            if worker.learned {
                worker.learned = false;
                report.history.clone_from(&worker.history);
            }
        }
        self.plan(1.0, Event::Report);
    }

    /// What the api knows of the workers: read once a second, and only when an order is posted.
    fn refresh(&mut self) {
        if self.now.floor() > self.refreshed {
            self.refreshed = self.now.floor();
            self.fleet = Fleet::merge(self.workers.iter().filter_map(|w| w.report.as_ref()), clock(self.now));
            self.times = ServiceTimes::known(&self.fleet.history, ServiceTimes::configured(self.queue.guess));
        }
    }
}
