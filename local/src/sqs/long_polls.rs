//! Wakes long polls when the visible messages of a queue, or the times at which messages become
//! visible, may have changed.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// One notifier for each queue. It outlives its queue: a few bytes for each queue ever polled.
#[derive(Debug, Default)]
pub(super) struct LongPolls {
    notifiers: Mutex<HashMap<i64, Arc<Notify>>>,
}

impl LongPolls {
    pub(super) fn of(&self, queue: i64) -> Arc<Notify> {
        Arc::clone(self.notifiers.lock().entry(queue).or_default())
    }

    /// Wakes every poll of the queue, not just one: each has a timer for the next message to become
    /// visible, and must reset it after a receive, a delay or a change of visibility. A poll that
    /// finds nothing costs one indexed read.
    pub(super) fn wake(&self, queue: i64) {
        if let Some(changed) = self.notifiers.lock().get(&queue) {
            changed.notify_waiters();
        }
    }

    /// Wakes every poll, after the clock was moved.
    pub(super) fn wake_all(&self) {
        for changed in self.notifiers.lock().values() {
            changed.notify_waiters();
        }
    }
}
