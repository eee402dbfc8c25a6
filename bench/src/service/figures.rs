//! What is measured of a program.

use serde::Serialize;

use crate::statistics::median;

/// What a run has measured. The first program of each kind is ours.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Figures {
    pub(super) apis: Vec<Rounds<ApiRound>>,
    pub(super) workers: Vec<Rounds<WorkerRound>>,
}

/// One round of an api.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ApiRound {
    /// Processor time of the program for an order.
    pub(super) processor_us: f64,
    pub(super) orders_per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// Of a single client, while each call takes the set latency.
    pub(super) slow_p50_ms: f64,
    pub(super) slow_p99_ms: f64,
    pub(super) idle_mb: f64,
    pub(super) loaded_mb: f64,
    /// Calls for an order, without those that are made however many orders there are.
    pub(super) calls_per_order: f64,
    /// The share of its core that the program had.
    pub(super) busy: f64,
}

/// One round of a worker.
#[derive(Clone, Debug, Serialize)]
pub(super) struct WorkerRound {
    /// Processor time of the program for a message, from its receipt to its deletion.
    pub(super) processor_us: f64,
    pub(super) messages_per_second: f64,
    pub(super) idle_mb: f64,
    pub(super) loaded_mb: f64,
    /// All calls; a batch is one.
    pub(super) calls_per_message: f64,
    pub(super) puts_per_message: f64,
    /// Of the order table.
    pub(super) writes_per_message: f64,
    /// The share of its core that the program had.
    pub(super) busy: f64,
}

/// The rounds of one program.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Rounds<R> {
    pub(super) name: String,
    pub(super) rounds: Vec<R>,
}

impl<R> Rounds<R> {
    pub(super) fn median(&self, of: impl Fn(&R) -> f64) -> f64 {
        median(self.rounds.iter().map(of))
    }
}
