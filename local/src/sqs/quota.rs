//! How many messages may be in flight, watched without counting them at each receive.

use std::collections::HashMap;

use parking_lot::Mutex;

/// A standard queue's quota.
pub(super) const MAX_IN_FLIGHT: usize = 120_000;

/// For each queue what can be in flight at the most: the last count, and all that was delivered
/// since. Only when that reaches the quota is it worth counting again.
#[derive(Debug, Default)]
pub(super) struct Quota {
    bounds: Mutex<HashMap<i64, usize>>,
}

impl Quota {
    /// Whether a receive of `wanted` messages has to count first.
    pub(super) fn must_count(&self, queue: i64, wanted: usize) -> bool {
        let bounds = self.bounds.lock();
        bounds.get(&queue).is_none_or(|bound| bound + wanted > MAX_IN_FLIGHT)
    }

    /// Notes a count.
    pub(super) fn counted(&self, queue: i64, in_flight: usize) {
        self.bounds.lock().insert(queue, in_flight);
    }

    /// Notes a delivery.
    pub(super) fn delivered(&self, queue: i64, count: usize) {
        if let Some(bound) = self.bounds.lock().get_mut(&queue) {
            *bound += count;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_counted_at_first_and_when_it_may_be_full() {
        let quota = Quota::default();
        assert!(quota.must_count(1, 10));
        quota.counted(1, 0);
        assert!(!quota.must_count(1, 10));
        quota.delivered(1, MAX_IN_FLIGHT - 9);
        assert!(quota.must_count(1, 10));
        quota.counted(1, 5);
        assert!(!quota.must_count(1, 10));
    }
}
