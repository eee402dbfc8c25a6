//! How long what is beyond a bound waits. Pure.

use std::time::Duration;

/// At least so long.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
/// And this much longer for each that was deferred before it: thousands that came back every second
/// would keep the worker as busy as a target that hangs.
const WAIT_STEP: Duration = Duration::from_millis(12);
/// But no longer, where a target hangs: then most of them come back in vain.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// The wait of one that comes after so many others.
pub(super) fn deferral(deferred_before: u32, longest: Duration) -> Duration {
    WAIT_STEP.saturating_mul(deferred_before).saturating_add(SHORTEST_WAIT).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_deferred_does_not_come_back_all_at_once() {
        let waits: Vec<Duration> = (0..100_000).map(|n| deferral(n, LONGEST_WAIT)).collect();
        assert_eq!((waits[0], waits[99_999]), (SHORTEST_WAIT, LONGEST_WAIT));
        assert!(waits.iter().filter(|wait| **wait < Duration::from_secs(10)).count() < 1_000);
        assert_eq!(deferral(u32::MAX, Duration::from_secs(30)), Duration::from_secs(30));
    }
}
