//! The patience of calls to AWS.

use std::time::Duration;

/// How long a call may take and how often it is tried. This is the one retry layer: callers do not
/// retry on top, except where they own the whole wait, as a consumer does between two receives.
#[derive(Debug, Clone, Copy)]
pub struct CallPolicy {
    /// The longest that one try may take.
    pub attempt_timeout: Duration,
    /// Tries, with exponential backoff and jitter between them; a retry quota stops them while a
    /// service is down.
    pub attempts: u32,
}

impl CallPolicy {
    /// While a client waits: it would rather have its 503 than wait long.
    pub const INTERACTIVE: Self = Self { attempt_timeout: Duration::from_secs(2), attempts: 2 };
    /// For a worker, which has its lease to get through.
    pub const BACKGROUND: Self = Self { attempt_timeout: Duration::from_secs(5), attempts: 3 };
}
