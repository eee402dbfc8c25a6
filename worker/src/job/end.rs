//! How an attempt ends.

use std::time::Duration;

use crate::processor::{Outcome, ProcessError};

/// How an attempt ended.
pub(super) enum AttemptEnd {
    /// The processor returned an outcome.
    Outcome(Outcome),
    /// It returned an error.
    Error(ProcessError),
    /// It panicked.
    Crashed,
    /// It was stopped, for this reason.
    Stopped(StopReason),
}

/// The names of the ends, for metrics.
pub(crate) const ATTEMPT_ENDS: [&str; 10] = [
    "completed",
    "failed",
    "retryable",
    "crashed",
    "cancelled",
    "deadline",
    "timed_out",
    "shutdown",
    "out_of_time",
    "lost",
];

impl AttemptEnd {
    /// One of [`ATTEMPT_ENDS`].
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Outcome(_) => "completed",
            Self::Error(ProcessError::Final(_)) => "failed",
            Self::Error(ProcessError::Retryable { .. }) => "retryable",
            Self::Crashed => "crashed",
            Self::Stopped(reason) => match reason {
                StopReason::Cancelled => "cancelled",
                StopReason::Deadline => "deadline",
                StopReason::TimedOut => "timed_out",
                StopReason::Shutdown => "shutdown",
                StopReason::OutOfTime(_) => "out_of_time",
                StopReason::Lost => "lost",
            },
        }
    }

    /// Whether the work ended by itself, and was not stopped.
    pub(super) fn is_of_the_work(&self) -> bool {
        !matches!(self, Self::Stopped(_))
    }

    /// How long the work asks to wait before the next attempt.
    pub(super) fn asked_wait(&self) -> Duration {
        match self {
            Self::Error(ProcessError::Retryable { after, .. }) => after.unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }
}

/// Why an attempt is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StopReason {
    /// The client cancelled the order.
    Cancelled,
    /// The order's deadline passed.
    Deadline,
    /// The attempt took too long.
    TimedOut,
    /// The worker shuts down, or a function's time ends of which this order had little.
    Shutdown,
    /// A function's time is over, and this order had most of it: this much.
    OutOfTime(Duration),
    /// Another worker has the order, or it ended otherwise.
    Lost,
}
