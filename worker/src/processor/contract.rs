//! What a processor is given, and what it returns.

use std::time::Duration;

use async_trait::async_trait;
use offload_domain::{
    json_text::JsonText,
    order::Order,
    printable::printable,
    problem::{Problem, ends},
    status::{ERROR_DETAIL_MAX_CHARS, cut},
};

use super::progress::Progress;

/// Does the work of an order.
///
/// The same order may be processed more than once: a worker can die after the work and before it is
/// recorded, and a queue can deliver twice. Work with effects outside should use the order's id as
/// its idempotency key.
#[async_trait]
pub trait Processor: Send + Sync + 'static {
    /// Works on an order. Runs in a task of its own: a panic fails the attempt, not the worker.
    ///
    /// When [`Progress::stopped`] resolves (the order was cancelled, its time is up, or the worker
    /// shuts down) the processor should return soon, with any error; after a few seconds the future
    /// is dropped.
    async fn process(&self, order: &Order, progress: &Progress) -> Result<Outcome, ProcessError>;
}

/// What the work produced.
#[derive(Debug)]
pub enum Outcome {
    /// JSON, published as it is written here (a `serde_json::Value` converts into it). If it is too
    /// large for the status object, it goes to S3 and is linked.
    Value(Option<JsonText>),
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
    #[error("{}", .problem.detail.as_deref().unwrap_or(&.problem.title))]
    Retryable {
        /// Why this one did not.
        problem: Problem,
        /// How long the next one waits at least, within the longest wait between attempts.
        after: Option<Duration>,
    },
    /// No other attempt will.
    #[error("{}", .0.detail.as_deref().unwrap_or(&.0.title))]
    Final(Problem),
}

impl ProcessError {
    /// The work failed, and another attempt may succeed.
    #[must_use]
    pub fn retryable(detail: impl AsRef<str>) -> Self {
        Self::Retryable { problem: ends::processing_failed(for_clients(detail.as_ref())), after: None }
    }

    /// The same, where another attempt may succeed, which waits at least this long.
    #[must_use]
    pub fn after(self, wait: Option<Duration>) -> Self {
        match self {
            Self::Retryable { problem, .. } => Self::Retryable { problem, after: wait },
            Self::Final(_) => self,
        }
    }

    /// The work failed, and no other attempt will succeed.
    #[must_use]
    pub fn failed(detail: impl AsRef<str>) -> Self {
        Self::Final(ends::processing_failed(for_clients(detail.as_ref())))
    }

    /// The program or endpoint that does the work broke the protocol. It would again, so this is
    /// final.
    #[must_use]
    pub fn protocol(detail: impl AsRef<str>) -> Self {
        Self::Final(ends::processor_protocol(for_clients(detail.as_ref())))
    }

    /// The work ended because it was stopped. Only the worker knows why, and what comes next.
    #[must_use]
    pub fn stopped() -> Self {
        Self::retryable("the work was stopped before its end")
    }
}

/// The text of a program or an endpoint as clients and logs get it: cut, and fit for a terminal.
fn for_clients(detail: &str) -> String {
    printable(&cut(detail, ERROR_DETAIL_MAX_CHARS))
}
