//! How many retries a service gets: while it is down, few, so that they do not keep it down.

use std::sync::atomic::{AtomicU32, Ordering};

/// As the SDKs': so much at the start, and at most.
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>
const CAPACITY: u32 = 500;
const RETRY: u32 = 5;
const AFTER_TIMEOUT: u32 = 10;
/// What a call gives back that succeeded at once.
const SUCCESS: u32 = 1;

/// What a retry costs of the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    Retry,
    /// After a timeout, which has cost the service more.
    AfterTimeout,
}

/// A bucket of tokens for the retries of one service.
#[derive(Debug)]
pub(super) struct RetryQuota(AtomicU32);

/// The tokens that a retry took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spent(u32);

impl Default for RetryQuota {
    fn default() -> Self {
        Self(AtomicU32::new(CAPACITY))
    }
}

impl RetryQuota {
    /// Takes what a retry costs; `None` where there is too little left for one.
    pub(super) fn take(&self, cost: Cost) -> Option<Spent> {
        let cost = match cost {
            Cost::Retry => RETRY,
            Cost::AfterTimeout => AFTER_TIMEOUT,
        };
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(cost));
        taken.is_ok().then_some(Spent(cost))
    }

    /// A call succeeded: what its last retry took comes back.
    pub(super) fn give_back(&self, spent: Option<Spent>) {
        // Full nearly always: then nothing is written, which would take the line from other cores.
        if spent.is_none() && self.0.load(Ordering::Relaxed) >= CAPACITY {
            return;
        }
        let back = spent.map_or(SUCCESS, |Spent(cost)| cost);
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some((left + back).min(CAPACITY)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_end_while_a_service_is_down_and_come_back_with_it() {
        let quota = RetryQuota::default();
        let retries = (0..1_000).take_while(|_| quota.take(Cost::Retry).is_some()).count();
        assert_eq!(retries, 100);
        assert_eq!(quota.take(Cost::AfterTimeout), None);
        quota.give_back(None);
        assert_eq!(quota.take(Cost::Retry), None, "one success is no service that is up");
        for _ in 0..4 {
            quota.give_back(None);
        }
        let spent = quota.take(Cost::Retry);
        assert!(spent.is_some());
        quota.give_back(spent);
        assert!(quota.take(Cost::Retry).is_some());
        for _ in 0..2_000 {
            quota.give_back(None);
        }
        assert_eq!((0..1_000).take_while(|_| quota.take(Cost::Retry).is_some()).count(), 100, "never more than full");
    }
}
