//! How an invocation spends its time. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// The least time that is kept to hand back what still runs: to stop the processors and to write.
const MARGIN_MIN: Duration = Duration::from_millis(500);
/// And the most.
const MARGIN_MAX: Duration = Duration::from_secs(8);

/// What is left until the runtime's `deadline`, in milliseconds since 1970.
pub(super) fn left(deadline: u64, now: DateTime<Utc>) -> Duration {
    let now = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    Duration::from_millis(deadline.saturating_sub(now))
}

/// What is kept of the time that is left: a fifth, within bounds.
pub(super) fn margin(left: Duration) -> Duration {
    (left / 5).clamp(MARGIN_MIN, MARGIN_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invocation_keeps_time_to_hand_back_what_it_cannot_finish() {
        let s = Duration::from_secs;
        let now = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(100);
        assert_eq!(left(130_000, now), s(30));
        assert_eq!(left(90_000, now), Duration::ZERO, "a clock that is wrong ends the work at once");
        assert_eq!([s(2), s(30), s(900)].map(margin), [Duration::from_millis(500), s(6), s(8)]);
    }
}
