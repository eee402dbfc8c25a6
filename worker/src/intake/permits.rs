//! The permits of a worker: the right to work on one order each.

use std::sync::Arc;

use offload_domain::lane::{Lane, Permits as Count};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// The permits of a worker.
#[derive(Debug)]
pub(super) struct Permits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    count: Mutex<Count>,
    freed: Notify,
}

/// One of them, for an order of this lane; free again when it is dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<Shared>, Lane);

impl Permits {
    pub(super) fn new(permits: usize) -> Self {
        let count = Count { all: permits, free: permits, kept: 0, quiet: 0 };
        Self(Arc::new(Shared { count: Mutex::new(count), freed: Notify::new() }))
    }

    pub(super) fn count(&self) -> Count {
        *self.0.count.lock()
    }

    /// Keeps so many free for the quiet lane.
    pub(super) fn keep(&self, kept: usize) {
        self.0.count.lock().kept = kept;
    }

    /// So many, or as many as the lane may use.
    pub(super) fn take(&self, lane: Lane, permits: usize) -> Vec<Permit> {
        let mut count = self.0.count.lock();
        let taken = permits.min(count.usable(lane));
        count.free -= taken;
        if lane == Lane::Quiet {
            count.quiet += taken;
        }
        (0..taken).map(|_| Permit(Arc::clone(&self.0), lane)).collect()
    }

    /// Resolves when a permit has become free since the last time.
    pub(super) async fn freed(&self) {
        self.0.freed.notified().await;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut count = self.0.count.lock();
        count.free += 1;
        if self.1 == Lane::Quiet {
            count.quiet -= 1;
        }
        drop(count);
        self.0.freed.notify_one();
    }
}
