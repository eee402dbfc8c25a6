//! The limit of messages in flight, enforced without counting them at each receive.

use std::collections::HashMap;

use parking_lot::Mutex;

/// A standard queue's quota.
pub(super) const MAX_IN_FLIGHT: usize = 120_000;

/// For each queue an upper bound of the messages in flight: the last count, and all deliveries
/// since. They are counted again only when the bound reaches the quota.
#[derive(Debug, Default)]
pub(super) struct Quota {
    bounds: Mutex<HashMap<i64, usize>>,
}

impl Quota {
    /// Whether the messages in flight must be counted before a receive of `count` messages.
    pub(super) fn must_count(&self, queue: i64, count: usize) -> bool {
        let bounds = self.bounds.lock();
        bounds.get(&queue).is_none_or(|bound| bound + count > MAX_IN_FLIGHT)
    }

    /// Records a count.
    pub(super) fn counted(&self, queue: i64, in_flight: usize) {
        self.bounds.lock().insert(queue, in_flight);
    }

    /// Records deliveries.
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
    fn messages_in_flight_are_counted_first_and_when_the_queue_may_be_full() {
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
