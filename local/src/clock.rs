//! The stack's time.
//!
//! What is *stored* (expiry of sessions, visibility, retention, lifecycle, `Last-Modified`) is
//! judged by [`Clock::now`], which a test can move forward. The freshness of a *signature* is
//! judged by [`Clock::wall`] alone: clients sign with their own wall clock, and a stack whose clock
//! is 30 days ahead must still accept them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use chrono::{DateTime, Utc};

/// A point in time as it is stored: milliseconds since the Unix epoch.
pub(crate) type Millis = i64;

/// The wall clock plus an offset that only grows. Clones share the offset.
#[derive(Clone, Debug, Default)]
pub(crate) struct Clock {
    offset_ms: Arc<AtomicI64>,
}

impl Clock {
    /// The stack's time: the wall clock moved by every [`advance`](Self::advance).
    pub(crate) fn now(&self) -> Millis {
        Self::wall() + self.offset_ms.load(Ordering::Relaxed)
    }

    /// The machine's time.
    #[expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the clock")]
    pub(crate) fn wall() -> Millis {
        let since_epoch = std::time::SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        millis(since_epoch)
    }

    /// Moves the stack's time forward.
    pub(crate) fn advance(&self, by: Duration) {
        self.offset_ms.fetch_add(millis(by), Ordering::Relaxed);
    }
}

/// A duration in milliseconds, saturating.
pub(crate) fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// The time in the calendar, for headers and XML.
pub(crate) fn datetime(at: Millis) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advancing_one_clone_moves_them_all() {
        let clock = Clock::default();
        let other = clock.clone();
        let before = other.now();
        clock.advance(Duration::from_secs(3600));
        assert!(other.now() - before >= 3_600_000);
        assert!(Clock::wall() - before < 60_000, "the wall clock stays");
    }
}
