//! Concurrent requests with one idempotency key do their work once: within this process by waiting for one another,
//! across processes by the order table.
//!
//! A lock per key and not one of a fixed number of lanes: while storage is slow, a request must not wait for those of
//! other keys. There are as many as keyed requests in service.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as Lock, OwnedMutexGuard},
    time::timeout,
};

type Locks = Arc<Mutex<HashMap<String, Arc<Lock<()>>>>>;

/// The keys whose requests are in service.
#[derive(Debug, Default)]
pub(crate) struct KeyLocks(Locks);

/// A request's turn, or its place in the line for it.
#[derive(Debug)]
pub(crate) struct Turn {
    locks: Locks,
    key: String,
    lock: Arc<Lock<()>>,
    held: Option<OwnedMutexGuard<()>>,
    /// Whether another request with the key was in service.
    pub(crate) waited: bool,
}

impl KeyLocks {
    /// Waits for the requests before this one with the same key; `None` if they take longer than `patience`.
    pub(crate) async fn turn(&self, key: &str, patience: Duration) -> Option<Turn> {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(locks.entry(key.to_owned()).or_default())
        };
        let mut turn = Turn { locks: Arc::clone(&self.0), key: key.to_owned(), lock, held: None, waited: false };
        turn.held = Arc::clone(&turn.lock).try_lock_owned().ok();
        if turn.held.is_none() {
            turn.waited = true;
            turn.held = Some(timeout(patience, Arc::clone(&turn.lock).lock_owned()).await.ok()?);
        }
        Some(turn)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.held = None;
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's and ours: nobody else is in line, and nobody can get in line while the map is locked.
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
    async fn one_key_has_one_turn_at_a_time_and_leaves_nothing_behind() {
        let locks = KeyLocks::default();
        let first = locks.turn("a", LONG).await.unwrap();
        assert!(locks.turn("b", LONG).await.is_some(), "another key does not wait");
        assert!(locks.turn("a", Duration::from_millis(10)).await.is_none());
        let (second, ()) = tokio::join!(locks.turn("a", LONG), async { drop(first) });
        assert_eq!(locks.0.lock().unwrap().len(), 1);
        drop(second);
        assert!(locks.0.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_request_that_leaves_the_line_leaves_nothing_behind() {
        let locks = KeyLocks::default();
        let first = locks.turn("a", LONG).await.unwrap();
        let mut waiting = Box::pin(locks.turn("a", LONG));
        assert!(futures_util::poll!(&mut waiting).is_pending());
        drop(first);
        drop(waiting);
        assert!(locks.0.lock().unwrap().is_empty());
    }
}
