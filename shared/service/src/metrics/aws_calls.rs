//! Calls to AWS, as they are billed: each try is one.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        histogram::Histogram,
    },
    registry::Registry,
};

/// Buckets in seconds, from a fast read to the longest wait for an answer. A receive may wait for
/// messages longer.
const BUCKETS: [f64; 9] = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 5.0];

/// Counts the calls of one connection. Cheap to clone.
#[derive(Debug, Clone)]
pub struct AwsCalls {
    calls: Family<CallLabels, Counter>,
    seconds: Family<OperationLabels, Histogram, Buckets>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    operation: String,
    status: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperationLabels {
    operation: String,
}

#[derive(Debug, Clone)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BUCKETS)
    }
}

impl Default for AwsCalls {
    fn default() -> Self {
        Self { calls: Family::default(), seconds: Family::new_with_constructor(Buckets) }
    }
}

impl AwsCalls {
    /// Counts a call of an operation such as `s3.PutObject`, with the status of its answer, if it
    /// got one.
    pub fn count(&self, operation: &str, status: Option<u16>, took: Duration) {
        let operation = operation.to_owned();
        let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        self.calls.get_or_create(&CallLabels { operation: operation.clone(), status }).inc();
        self.seconds.get_or_create(&OperationLabels { operation }).observe(took.as_secs_f64());
    }

    /// Adds them to a registry.
    pub fn register(&self, registry: &mut Registry) {
        let help = "Calls to AWS by the status of the answer, each try; none if there was no answer";
        registry.register("aws_calls", help, self.calls.clone());
        registry.register("aws_call_seconds", "Time to the answer of a call to AWS", self.seconds.clone());
    }
}
