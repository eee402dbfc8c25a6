//! Metrics for Prometheus. Each service has a registry of its own, so that several services in one
//! process are not counted together.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use chrono::TimeDelta;
use offload_domain::{labels::Labels, lane::Lane};
use offload_service::{
    metrics::{self, AwsCalls},
    settings::MetricLabels,
};
use offload_stores as aws;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        gauge::Gauge,
        histogram::Histogram,
        info::Info,
    },
    registry::Registry,
};

use crate::label_counts::LabelCounts;

/// Buckets in seconds: from a cached answer to a long poll of a minute.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 60.0];

/// The metrics of one service. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, Buckets>,
    accepted: Counter,
    by_label: LabelCounts,
    aws_errors: Family<AwsErrorLabels, Counter>,
    depth: Gauge<i64>,
    messages: Family<QueueLabels, Gauge>,
    permits: Gauge<f64, AtomicU64>,
    cancelled: Family<EndLabels, Counter>,
    credentials_left: Gauge<f64, AtomicU64>,
    connections: Gauge<i64>,
    clock_offset: Gauge<f64, AtomicU64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AwsErrorLabels {
    operation: &'static str,
    kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct QueueLabels {
    lane: &'static str,
    state: &'static str,
}

/// As the worker has them, which ends all other orders.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndLabels {
    status: &'static str,
    reason: &'static str,
}

const CANCELLED: EndLabels = EndLabels { status: "cancelled", reason: "cancelled" };

const fn lane_label(lane: Lane) -> &'static str {
    match lane {
        Lane::Quiet => "quiet",
        Lane::High => "high",
        Lane::Normal => "normal",
        Lane::Low => "low",
    }
}

#[derive(Debug, Clone)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

impl Metrics {
    pub(crate) fn new(labels: &MetricLabels, calls: &AwsCalls) -> Self {
        let mut registry = Registry::default();
        let requests = Family::default();
        let seconds = Family::new_with_constructor(Buckets);
        let accepted = Counter::<u64, AtomicU64>::default();
        let aws_errors = Family::default();
        let depth = Gauge::default();
        let messages = Family::default();
        let permits = Gauge::<f64, AtomicU64>::default();
        let cancelled = Family::<EndLabels, Counter>::default();
        let credentials_left = Gauge::<f64, AtomicU64>::default();
        let connections = Gauge::default();
        let clock_offset = Gauge::<f64, AtomicU64>::default();
        let by_label = LabelCounts::new(labels, &mut registry);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("http_requests", "Requests answered; status 499 if the client left first", requests.clone());
        registry.register("http_request_seconds", "Time to the answer, long polls included", seconds.clone());
        registry.register("orders_accepted", "Orders accepted and sent to the queue", accepted.clone());
        registry.register("aws_errors", "Calls to AWS that failed after all retries", aws_errors.clone());
        registry.register("eta_queue_depth", "Orders waiting in the queues, as last read", depth.clone());
        let help = "Messages in the queues of orders, as last read";
        registry.register("queue_messages", help, messages.clone());
        let help = "Orders that the workers can work on at once, by their reports; 0 if none is alive";
        registry.register("worker_permits", help, permits.clone());
        // From the start: a rate needs a value to begin with.
        cancelled.get_or_create(&CANCELLED).inc_by(0);
        let help = "Orders that ended here: those that were cancelled before a worker had them";
        registry.register("orders_ended", help, cancelled.clone());
        let help = "What is left to the credentials that URLs are signed with; +Inf if their end is not known";
        registry.register("signing_credentials_left_seconds", help, credentials_left.clone());
        calls.register(&mut registry);
        let help = "Event streams, WebSockets and long polls that are open";
        registry.register("open_connections", help, connections.clone());
        let help = "What AWS's time is ahead of this machine's clock; 0 while that may be right";
        registry.register("clock_offset_seconds", help, clock_offset.clone());
        registry.register("build", "The build that runs", build);
        Self(Arc::new(Inner {
            registry,
            requests,
            seconds,
            accepted,
            by_label,
            aws_errors,
            depth,
            messages,
            permits,
            cancelled,
            credentials_left,
            connections,
            clock_offset,
        }))
    }

    pub(crate) fn request(&self, method: &'static str, route: &str, status: u16, elapsed: Duration) {
        let labels = RequestLabels { method, route: route.to_owned(), status: u32::from(status) };
        self.0.requests.get_or_create(&labels).inc();
        self.0.seconds.get_or_create(&RouteLabels { route: labels.route }).observe(elapsed.as_secs_f64());
    }

    pub(crate) fn accepted(&self, labels: &Labels) {
        self.0.accepted.inc();
        self.0.by_label.count(labels);
    }

    pub(crate) fn aws_error(&self, error: &aws::Error) {
        let labels = AwsErrorLabels { operation: error.operation, kind: error.kind.as_str() };
        self.0.aws_errors.get_or_create(&labels).inc();
    }

    pub(crate) fn queue_depth(&self, visible: u64) {
        self.0.depth.set(i64::try_from(visible).unwrap_or(i64::MAX));
    }

    /// What a queue has, by lane and state.
    pub(crate) fn queue_messages(&self, lane: Lane, depth: &aws::QueueDepth) {
        let aws::QueueDepth { visible, in_flight, delayed } = *depth;
        for (state, n) in [("visible", visible), ("in_flight", in_flight), ("delayed", delayed)] {
            let gauge = self.0.messages.get_or_create_owned(&QueueLabels { lane: lane_label(lane), state });
            gauge.set(i64::try_from(n).unwrap_or(i64::MAX));
        }
    }

    /// How many orders the workers that are alive can work on at once.
    pub(crate) fn worker_permits(&self, permits: f64) {
        self.0.permits.set(permits);
    }

    pub(crate) fn cancelled(&self) {
        self.0.cancelled.get_or_create(&CANCELLED).inc();
    }

    pub(crate) fn credentials_left(&self, left: Option<TimeDelta>) {
        self.0.credentials_left.set(left.map_or(f64::INFINITY, TimeDelta::as_seconds_f64));
    }

    pub(crate) fn open_connections(&self, open: usize) {
        self.0.connections.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    pub(crate) fn clock_offset(&self, offset: TimeDelta) {
        self.0.clock_offset.set(offset.as_seconds_f64());
    }

    /// Everything, as text.
    pub(crate) fn text(&self) -> String {
        metrics::encode(&self.0.registry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_in_the_text() {
        let metrics = Metrics::new(&MetricLabels::default(), &AwsCalls::default());
        metrics.request("GET", "/order/{id}", 200, Duration::from_millis(3));
        metrics.accepted(&Labels::default());
        metrics.aws_error(&aws::Error::new(aws::Kind::Unavailable, "s3.PutObject", "x"));
        metrics.queue_depth(37);
        metrics.clock_offset(TimeDelta::milliseconds(-1_500));
        let text = metrics.text();
        for line in [
            r#"http_requests_total{method="GET",route="/order/{id}",status="200"} 1"#,
            r#"http_request_seconds_bucket{le="0.005",route="/order/{id}"} 1"#,
            "orders_accepted_total 1",
            r#"aws_errors_total{operation="s3.PutObject",kind="unavailable"} 1"#,
            "eta_queue_depth 37",
            "clock_offset_seconds -1.5",
            "build_info{version=",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
