//! What a worker counts.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    order::OrderState,
    problem::ProblemType,
    status::{EtaWindow, Status},
};
use offload_lifecycle::sweep::Swept;
use offload_service::{
    clock,
    metrics::{self, AwsCalls},
};
use offload_stores::Error;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::Registry,
};

/// Seconds, from a moment to hours: of waiting, working, and being wrong.
const BUCKETS: [f64; 12] = [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0];

/// The metrics of one worker. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct WorkerMetrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    running: Gauge,
    permits: Gauge,
    attempts: Family<AttemptLabels, Counter>,
    attempt_seconds: Histogram,
    wait_seconds: Histogram,
    ended: Family<EndLabels, Counter>,
    leases_lost: Counter,
    estimates: Family<OutcomeLabels, Counter>,
    estimate_error: Histogram,
    sweeps: Family<OutcomeLabels, Counter>,
    swept: Family<ActionLabels, Counter>,
    last_sweep: Gauge<f64, AtomicU64>,
    oldest: Gauge<f64, AtomicU64>,
    notifications: Family<NotificationLabels, Counter>,
    dead_notifications: Family<ChannelLabels, Counter>,
    circuits: Gauge,
    unreadable: Counter,
    receive_failures: Counter,
    clock_offset: Gauge<f64, AtomicU64>,
    credentials_left: Gauge<f64, AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    end: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    status: &'static str,
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ActionLabels {
    action: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NotificationLabels {
    channel: &'static str,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabels {
    channel: &'static str,
}

/// The problems that an order may end with. Programs and endpoints make up others, which are
/// counted together: each value is a series for ever.
const REASONS: [ProblemType; 8] = [
    ProblemType::ProcessingFailed,
    ProblemType::ProcessorProtocol,
    ProblemType::ProcessingTimedOut,
    ProblemType::FunctionTimedOut,
    ProblemType::OutlastsFunctions,
    ProblemType::AttemptsExhausted,
    ProblemType::DeadLettered,
    ProblemType::DeadlineExceeded,
];

/// The channels of notifications.
const CHANNELS: [&str; 6] = ["connection", "webhook", "topic", "task", "appsync", "mercure"];

/// Why an order ended as it did.
fn reason(state: &OrderState) -> &'static str {
    match &state.error {
        _ if state.status != Status::Failed => state.status.as_str(),
        None => "other",
        Some(problem) => REASONS.iter().find(|kind| problem.is(**kind)).map_or("other", |kind| kind.slug()),
    }
}

impl WorkerMetrics {
    /// For a worker with so many permits.
    pub(crate) fn new(permits: usize, calls: &AwsCalls) -> Self {
        let inner = Inner {
            registry: Registry::default(),
            running: Gauge::default(),
            permits: Gauge::default(),
            attempts: Family::default(),
            attempt_seconds: Histogram::new(BUCKETS),
            wait_seconds: Histogram::new(BUCKETS),
            ended: Family::default(),
            leases_lost: Counter::default(),
            estimates: Family::default(),
            estimate_error: Histogram::new(BUCKETS),
            sweeps: Family::default(),
            swept: Family::default(),
            last_sweep: Gauge::default(),
            oldest: Gauge::default(),
            notifications: Family::default(),
            dead_notifications: Family::default(),
            circuits: Gauge::default(),
            unreadable: Counter::default(),
            receive_failures: Counter::default(),
            clock_offset: Gauge::default(),
            credentials_left: Gauge::default(),
        };
        inner.permits.set(i64::try_from(permits).unwrap_or(i64::MAX));
        inner.begin_at_zero();
        Self(Arc::new(inner.registered(calls)))
    }

    /// An order is worked on until what this returns is dropped.
    pub(crate) fn begin(&self) -> Running<'_> {
        self.0.running.inc();
        Running(&self.0.running)
    }

    /// An attempt has ended so.
    pub(crate) fn attempt(&self, end: &'static str, took: Duration) {
        self.0.attempts.get_or_create(&AttemptLabels { end }).inc();
        self.0.attempt_seconds.observe(took.as_secs_f64());
    }

    /// An order waited so long for its first attempt.
    pub(crate) fn waited(&self, waited: TimeDelta) {
        self.0.wait_seconds.observe(waited.as_seconds_f64());
    }

    /// An order has ended, by this worker.
    pub(crate) fn ended(&self, state: &OrderState) {
        self.0.ended.get_or_create(&EndLabels { status: state.status.as_str(), reason: reason(state) }).inc();
    }

    /// Another worker has an order that this one worked on.
    pub(crate) fn lease_lost(&self) {
        self.0.leases_lost.inc();
    }

    /// An order has ended for which this was estimated when it was accepted.
    pub(crate) fn estimated(&self, window: &EtaWindow, ended: DateTime<Utc>) {
        let outcome = match ended {
            early if early < window.earliest_at => "early",
            late if late > window.latest_at => "late",
            _ => "within",
        };
        self.0.estimates.get_or_create(&OutcomeLabels { outcome }).inc();
        self.0.estimate_error.observe((ended - window.at).as_seconds_f64().abs());
    }

    /// A round of the sweeper.
    pub(crate) fn swept(&self, round: Result<&Swept, &Error>) {
        let outcome = if round.is_ok() { "done" } else { "failed" };
        self.0.sweeps.get_or_create(&OutcomeLabels { outcome }).inc();
        let Ok(Swept { sent, ended, published, failed }) = round else { return };
        self.0.last_sweep.set(clock::now().timestamp() as f64);
        for (action, orders) in [("sent", sent), ("ended", ended), ("published", published), ("failed", failed)] {
            self.0.swept.get_or_create(&ActionLabels { action }).inc_by(*orders as u64);
        }
        let labels = EndLabels { status: Status::Failed.as_str(), reason: ProblemType::DeadlineExceeded.slug() };
        self.0.ended.get_or_create(&labels).inc_by(*ended as u64);
    }

    /// The oldest order that has not ended was accepted then.
    pub(crate) fn oldest(&self, accepted: Option<DateTime<Utc>>) {
        let age = accepted.map_or(0.0, |at| (clock::now() - at).as_seconds_f64().max(0.0));
        self.0.oldest.set(age);
    }

    /// The consumer of dead letters has ended an order.
    pub(crate) fn dead_lettered(&self) {
        let labels = EndLabels { status: Status::Failed.as_str(), reason: ProblemType::DeadLettered.slug() };
        self.0.ended.get_or_create(&labels).inc();
    }

    /// A notification was tried.
    pub(crate) fn notified(&self, channel: &'static str, outcome: &'static str) {
        self.0.notifications.get_or_create(&NotificationLabels { channel, outcome }).inc();
    }

    /// A notification has become a dead letter.
    pub(crate) fn notification_dead(&self, channel: &'static str) {
        self.0.dead_notifications.get_or_create(&ChannelLabels { channel }).inc();
    }

    /// A message could not be read.
    pub(crate) fn unreadable(&self) {
        self.0.unreadable.inc();
    }

    /// A receive failed.
    pub(crate) fn receive_failed(&self) {
        self.0.receive_failures.inc();
    }

    /// What is known when it is read: open circuits, and what is left to the credentials.
    pub(crate) fn current(&self, circuits: usize, credentials_left: Option<TimeDelta>) {
        self.0.circuits.set(i64::try_from(circuits).unwrap_or(i64::MAX));
        self.0.clock_offset.set(clock::offset().as_seconds_f64());
        self.0.credentials_left.set(credentials_left.map_or(f64::INFINITY, TimeDelta::as_seconds_f64));
    }

    /// Everything, as text.
    pub(crate) fn text(&self) -> String {
        metrics::encode(&self.0.registry)
    }
}

/// An order that is worked on.
#[derive(Debug)]
pub(crate) struct Running<'a>(&'a Gauge);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Inner {
    /// A rate needs a value to begin with: the first failure would not be seen as an increase.
    fn begin_at_zero(&self) {
        for end in super::job::ATTEMPT_ENDS {
            self.attempts.get_or_create(&AttemptLabels { end }).inc_by(0);
        }
        for status in [Status::Completed, Status::Cancelled] {
            self.ended.get_or_create(&EndLabels { status: status.as_str(), reason: status.as_str() }).inc_by(0);
        }
        for reason in REASONS.iter().map(|kind| kind.slug()).chain(["other"]) {
            self.ended.get_or_create(&EndLabels { status: Status::Failed.as_str(), reason }).inc_by(0);
        }
        for outcome in ["early", "within", "late"] {
            self.estimates.get_or_create(&OutcomeLabels { outcome }).inc_by(0);
        }
        for channel in CHANNELS {
            self.dead_notifications.get_or_create(&ChannelLabels { channel }).inc_by(0);
        }
        for action in ["sent", "ended", "published", "failed"] {
            self.swept.get_or_create(&ActionLabels { action }).inc_by(0);
        }
        for outcome in ["done", "failed"] {
            self.sweeps.get_or_create(&OutcomeLabels { outcome }).inc_by(0);
        }
    }

    /// The same in its registry.
    fn registered(mut self, calls: &AwsCalls) -> Self {
        let r = &mut self.registry;
        r.register("orders_running", "Orders that are worked on", self.running.clone());
        r.register("permits", "Orders that may be worked on at once", self.permits.clone());
        r.register("attempts", "Attempts at orders, by how they ended", self.attempts.clone());
        r.register("attempt_seconds", "How long attempts took", self.attempt_seconds.clone());
        r.register("order_wait_seconds", "How long orders waited for their first attempt", self.wait_seconds.clone());
        r.register("orders_ended", "Orders that this worker ended, by status and reason", self.ended.clone());
        r.register("leases_lost", "Orders that another worker took over meanwhile", self.leases_lost.clone());
        let help = "Orders that ended before, within and after the window that was estimated";
        r.register("estimates", help, self.estimates.clone());
        let help = "How far the estimated median was from the end";
        r.register("estimate_error_seconds", help, self.estimate_error.clone());
        r.register("sweeps", "Rounds of the sweeper", self.sweeps.clone());
        r.register("swept_orders", "Orders that the sweeper saw to, by what it did", self.swept.clone());
        let help = "When the sweeper last got through a round, in seconds since 1970";
        r.register("last_sweep_timestamp_seconds", help, self.last_sweep.clone());
        let help = "Age of the oldest order that has not ended, at the last sweep; 0 if there is none";
        r.register("oldest_order_seconds", help, self.oldest.clone());
        let help = "Attempts to deliver notifications, by channel and outcome";
        r.register("notifications", help, self.notifications.clone());
        let help = "Notifications that became dead letters";
        r.register("notification_dead_letters", help, self.dead_notifications.clone());
        r.register("open_circuits", "Webhook endpoints that are left alone for a while", self.circuits.clone());
        r.register("unreadable_messages", "Messages that this worker cannot read", self.unreadable.clone());
        r.register("receive_failures", "Receives that failed after all retries", self.receive_failures.clone());
        let help = "What AWS's time is ahead of this machine's clock; 0 while that may be right";
        r.register("clock_offset_seconds", help, self.clock_offset.clone());
        let help = "What is left to the credentials that URLs are signed with; +Inf if their end is not known";
        r.register("signing_credentials_left_seconds", help, self.credentials_left.clone());
        calls.register(r);
        r.register("build", "The build that runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        self
    }
}

#[cfg(test)]
mod tests {
    use offload_domain::{fixtures, problem::Problem};

    use super::*;

    #[test]
    fn what_programs_make_up_is_one_reason() {
        let mut state = fixtures::record(DateTime::UNIX_EPOCH).state;
        state.status = Status::Failed;
        let mut own = Problem::new(ProblemType::ProcessingFailed);
        state.error = Some(own.clone());
        assert_eq!(reason(&state), "processing-failed");
        own.kind = "https://example.com/out-of-stock/4711".to_owned();
        state.error = Some(own);
        assert_eq!(reason(&state), "other");
        state.status = Status::Completed;
        assert_eq!(reason(&state), "completed");
    }

    #[test]
    fn an_estimate_is_early_within_or_late() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let window = EtaWindow { at: at(10), earliest_at: at(8), latest_at: at(15) };
        let metrics = WorkerMetrics::new(1, &AwsCalls::default());
        for seconds in [7, 8, 15, 16, 20] {
            metrics.estimated(&window, at(seconds));
        }
        let text = metrics.text();
        for (outcome, n) in [("early", 1), ("within", 2), ("late", 2)] {
            let line = format!("estimates_total{{outcome=\"{outcome}\"}} {n}");
            assert!(text.contains(&line), "{line} is not in\n{text}");
        }
        assert!(text.contains("estimate_error_seconds_sum 26.0"), "{text}");
    }
}
