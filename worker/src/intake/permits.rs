//! The permits of a worker: the right to work on one order each.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The permits of a worker.
#[derive(Debug)]
pub(super) struct Permits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    free: Mutex<usize>,
    freed: Notify,
}

/// One of them, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Permit(Arc<Shared>);

impl Permits {
    pub(super) fn new(permits: usize) -> Self {
        Self(Arc::new(Shared { free: Mutex::new(permits), freed: Notify::new() }))
    }

    pub(super) fn free(&self) -> usize {
        *self.0.free.lock()
    }

    /// So many, or as many as there are.
    pub(super) fn take(&self, permits: usize) -> Vec<Permit> {
        let mut free = self.0.free.lock();
        let taken = permits.min(*free);
        *free -= taken;
        (0..taken).map(|_| Permit(Arc::clone(&self.0))).collect()
    }

    /// Resolves when a permit has become free since the last time.
    pub(super) async fn freed(&self) {
        self.0.freed.notified().await;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.0.free.lock() += 1;
        self.0.freed.notify_one();
    }
}
