//! Wakes long polls: one bell per queue, rung whenever what is visible, or when it becomes so, may
//! have changed.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use tokio::sync::Notify;

/// The bells, by queue. A queue's bell outlives it: a few bytes for each queue ever polled.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    bells: Mutex<HashMap<i64, Arc<Notify>>>,
}

impl Wakes {
    pub(super) fn bell(&self, queue: i64) -> Arc<Notify> {
        Arc::clone(self.bells.lock().entry(queue).or_default())
    }

    /// Wakes every poll of the queue, not just one: each keeps a timer for the next message to
    /// become visible, and has to set it anew after a receive, a delay or a change of visibility. A
    /// poll that finds nothing costs one indexed read.
    pub(super) fn ring(&self, queue: i64) {
        if let Some(bell) = self.bells.lock().get(&queue) {
            bell.notify_waiters();
        }
    }

    /// Wakes every poll: the clock was moved.
    pub(super) fn ring_all(&self) {
        for bell in self.bells.lock().values() {
            bell.notify_waiters();
        }
    }
}
