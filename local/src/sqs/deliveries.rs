//! How many messages were delivered, by queue, redeliveries included.

use std::collections::HashMap;

use parking_lot::Mutex;

/// The counts since the stack started, including deliveries whose response was lost.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    counts: Mutex<HashMap<String, u64>>,
}

impl Deliveries {
    pub(super) fn add(&self, queue: &str, count: usize) {
        if count == 0 {
            return;
        }
        let mut counts = self.counts.lock();
        *counts.entry(queue.to_owned()).or_default() += u64::try_from(count).unwrap_or_default();
    }

    pub(super) fn of(&self, queue: &str) -> u64 {
        self.counts.lock().get(queue).copied().unwrap_or_default()
    }
}
