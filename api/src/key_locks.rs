//! One lock for each idempotency key in service: requests with the same key wait for one another in
//! this process, and are decided by the order table across processes.
//!
//! A lock per key and not one of a fixed number of lanes: while a store is slow, a request must not
//! wait for those of other keys. There are as many as keyed requests in service.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard},
    time::timeout,
};

type Locks = Arc<Mutex<HashMap<String, Arc<AsyncMutex<()>>>>>;

/// The locks of all keys in service.
#[derive(Debug, Default)]
pub(crate) struct KeyLocks(Locks);

/// The lock of one key, or a request's place in its queue.
#[derive(Debug)]
pub(crate) struct KeyLock {
    locks: Locks,
    key: String,
    lock: Arc<AsyncMutex<()>>,
    guard: Option<OwnedMutexGuard<()>>,
    /// Whether another request had the lock.
    pub(crate) waited: bool,
}

impl KeyLocks {
    /// Locks a key; `None` if the requests before this one with the same key take longer than
    /// `wait_max`.
    pub(crate) async fn lock(&self, key: &str, wait_max: Duration) -> Option<KeyLock> {
        let lock = Arc::clone(self.0.lock().entry(key.to_owned()).or_default());
        let mut own = KeyLock { locks: Arc::clone(&self.0), key: key.to_owned(), lock, guard: None, waited: false };
        own.guard = Arc::clone(&own.lock).try_lock_owned().ok();
        if own.guard.is_none() {
            own.waited = true;
            own.guard = Some(timeout(wait_max, Arc::clone(&own.lock).lock_owned()).await.ok()?);
        }
        Some(own)
    }
}

impl Drop for KeyLock {
    fn drop(&mut self) {
        self.guard = None;
        let mut locks = self.locks.lock();
        // The map's and ours: no other request waits, and none can begin to while the map is
        // locked.
        if Arc::strong_count(&self.lock) == 2 {
            locks.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3_600);

    #[tokio::test]
    async fn one_request_at_a_time_has_a_keys_lock_and_leaves_nothing() {
        let locks = KeyLocks::default();
        let first = locks.lock("a", LONG).await.unwrap();
        assert!(locks.lock("b", LONG).await.is_some(), "another key does not wait");
        assert!(locks.lock("a", Duration::ZERO).await.is_none());
        let (second, ()) = tokio::join!(locks.lock("a", LONG), async { drop(first) });
        assert_eq!(locks.0.lock().len(), 1);
        drop(second);
        assert!(locks.0.lock().is_empty());
    }

    #[tokio::test]
    async fn a_request_that_leaves_the_queue_of_a_lock_leaves_nothing() {
        let locks = KeyLocks::default();
        let first = locks.lock("a", LONG).await.unwrap();
        let mut waiting = Box::pin(locks.lock("a", LONG));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(first);
        drop(waiting);
        assert!(locks.0.lock().is_empty());
    }
}
