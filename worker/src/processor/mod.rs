//! The work itself: the [`Processor`] trait and the processors that come with the service.
//!
//! Work of your own plugs in without Rust by [`command`] (any program) or [`http`] (any endpoint), or as a [`Processor`].

mod built_in;
mod choose;
pub mod command;
mod dialogue;
mod document;
mod duration;
mod fulfilment;
pub mod http;
mod report;

use std::sync::Arc;

use async_trait::async_trait;
use offload_domain::{
    order::Order,
    problem::{Problem, ends},
    status::{ERROR_DETAIL_MAX_CHARS, ProgressReport, cut},
};
use serde_json::Value;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use built_in::BuiltIn;
pub use choose::from_settings;
pub use command::{CommandProcessor, InvalidCommand, Limits};
pub use duration::{InvalidDuration, JobDuration};
pub use fulfilment::Fulfilment;
pub use http::{HttpProcessor, InvalidEndpoint};
pub use report::Report;

/// Does the work of an order.
///
/// The same order may be processed more than once: a worker can die after the work and before it is recorded, and a
/// queue can deliver twice. Work with effects outside should use the order's id as its idempotency key.
#[async_trait]
pub trait Processor: Send + Sync + 'static {
    /// Works on an order. Runs in a task of its own: a panic fails the attempt, not the worker.
    ///
    /// When [`Progress::stopped`] resolves (the order was cancelled, its time is up, or the worker shuts down) the
    /// processor should return soon, with whatever error; after a few seconds the future is dropped.
    async fn process(&self, order: &Order, progress: &Progress) -> Result<Outcome, ProcessError>;
}

/// What the work gave.
#[derive(Debug)]
pub enum Outcome {
    /// A JSON value. If it is too large for the status object, it goes to S3 and is linked.
    Value(Option<Value>),
    /// A file, which goes to S3 and is linked.
    File(ResultFile),
}

/// A result in a temporary file, deleted when this is dropped.
#[derive(Debug)]
pub struct ResultFile {
    /// The last part of the object's key, such as `report.csv`.
    pub file_name: String,
    /// Its media type.
    pub content_type: String,
    /// Where it is now.
    pub path: tempfile::TempPath,
}

/// Why there is no outcome. The problem is for the client: no internals in it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ProcessError {
    /// Another attempt may succeed.
    #[error("{}", .0.detail.as_deref().unwrap_or(&.0.title))]
    Retryable(Problem),
    /// No other attempt will.
    #[error("{}", .0.detail.as_deref().unwrap_or(&.0.title))]
    Final(Problem),
}

impl ProcessError {
    /// The work failed, and another attempt may succeed.
    #[must_use]
    pub fn retryable(detail: impl AsRef<str>) -> Self {
        Self::Retryable(ends::processing_failed(cut(detail.as_ref(), ERROR_DETAIL_MAX_CHARS)))
    }

    /// The work failed, and no other attempt will succeed.
    #[must_use]
    pub fn failed(detail: impl AsRef<str>) -> Self {
        Self::Final(ends::processing_failed(cut(detail.as_ref(), ERROR_DETAIL_MAX_CHARS)))
    }

    /// What does the work gave an answer that cannot be read. It would again, so this is final.
    #[must_use]
    pub fn protocol(detail: impl AsRef<str>) -> Self {
        Self::Final(ends::processor_protocol(cut(detail.as_ref(), ERROR_DETAIL_MAX_CHARS)))
    }

    /// The work ended because it was told to. Only the worker knows why, and what comes next.
    #[must_use]
    pub fn stopped() -> Self {
        Self::retryable("the work was stopped before its end")
    }
}

/// A processor's line to its worker.
#[derive(Debug, Clone)]
pub struct Progress {
    latest: Arc<watch::Sender<Option<ProgressReport>>>,
    stop: CancellationToken,
}

impl Progress {
    /// A line whose reports arrive in `latest`; `stop` ends the work.
    #[must_use]
    pub fn new(stop: CancellationToken) -> (Self, watch::Receiver<Option<ProgressReport>>) {
        let (latest, reports) = watch::channel(None);
        (Self { latest: Arc::new(latest), stop }, reports)
    }

    /// Tells how far the work is: 0 to 100 and, for people, what is being done. Cheap: only the latest report counts,
    /// and the worker decides when it is worth a write.
    pub fn report(&self, percent: u8, message: Option<&str>) {
        self.latest.send_replace(Some(ProgressReport::new(percent, message)));
    }

    /// Resolves when the work should end.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the work should end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }
}

#[cfg(test)]
fn order_of(payload: Value) -> Order {
    let Value::Object(payload) = payload else { panic!("an order is an object") };
    Order { payload, ..offload_domain::fixtures::order(chrono::DateTime::UNIX_EPOCH) }
}
