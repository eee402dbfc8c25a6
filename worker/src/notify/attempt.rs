//! The result of one attempt at a delivery.

use std::time::Duration;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AttemptResult {
    /// The target has the event.
    Delivered {
        /// The status code of its answer.
        status: u16,
    },
    /// The target no longer exists.
    Gone {
        /// The status code of its answer.
        status: u16,
    },
    /// It failed this time.
    Failed(Failure),
    /// It will never succeed.
    Refused(Failure),
    /// Nothing was sent, and it does not count as an attempt: the endpoint is busy or its circuit
    /// is open for this long.
    Deferred(Duration),
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The status code of the answer, if there was one.
    pub(super) status: Option<u16>,
    /// For the operator and the order's client: no URL and no secret.
    pub(super) error: String,
    /// How long the target asks us to wait.
    pub(super) retry_after: Option<Duration>,
}

impl AttemptResult {
    /// For metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Gone { .. } => "gone",
            Self::Failed(_) => "failed",
            Self::Refused(_) => "refused",
            Self::Deferred(_) => "deferred",
        }
    }

    /// An attempt that got no answer.
    pub(super) fn failed(error: impl Into<String>) -> Self {
        Self::Failed(Failure::without_answer(error))
    }

    /// An attempt that the notifier itself refuses to make.
    pub(super) fn refused(error: impl Into<String>) -> Self {
        Self::Refused(Failure::without_answer(error))
    }
}

impl Failure {
    fn without_answer(error: impl Into<String>) -> Self {
        Self { status: None, error: error.into(), retry_after: None }
    }
}
