//! Which messages of a queue are deleted together.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::wire::BATCH_MAX;
use crate::error::Error;

/// What a message is deleted by.
pub(super) type Receipt = Arc<str>;

/// The messages of a queue that are to be deleted: no more than this process has received.
#[derive(Debug, Default)]
pub(super) struct Deletions(Mutex<Batches<Waiting>>);

impl Deletions {
    /// A message comes. The answer is what is to be deleted now.
    pub(super) fn join(&self, one: Waiting) -> Option<Vec<Waiting>> {
        self.0.lock().join(one)
    }

    /// A call has ended. The answer is what is to be deleted next.
    pub(super) fn next(&self) -> Option<Vec<Waiting>> {
        self.0.lock().next()
    }
}

/// A message to be deleted, and who waits for the outcome.
pub(super) type Waiting = (Receipt, oneshot::Sender<Result<(), Error>>);

/// Who waits for a call, and how many calls are under way. Pure.
#[derive(Debug)]
struct Batches<T> {
    waiting: VecDeque<T>,
    calls: usize,
}

impl<T> Default for Batches<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), calls: 0 }
    }
}

impl<T> Batches<T> {
    /// One more comes. The answer is what is to be called for now: at once while no call is under
    /// way, and as soon as a batch is full.
    fn join(&mut self, one: T) -> Option<Vec<T>> {
        self.waiting.push_back(one);
        (self.calls == 0 || self.waiting.len() == BATCH_MAX).then(|| self.take())
    }

    /// A call has ended. The answer is what the next one is for.
    fn next(&mut self) -> Option<Vec<T>> {
        self.calls -= 1;
        (self.calls == 0 && !self.waiting.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> Vec<T> {
        self.calls += 1;
        self.waiting.drain(..self.waiting.len().min(BATCH_MAX)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_goes_alone_and_what_ends_meanwhile_goes_together() {
        let mut batches = Batches::default();
        assert_eq!(batches.join(0), Some(vec![0]));
        assert_eq!((batches.join(1), batches.join(2)), (None, None));
        assert_eq!(batches.next(), Some(vec![1, 2]));
        assert_eq!(batches.next(), None);
        assert_eq!(batches.join(3), Some(vec![3]), "no call is under way");
    }

    #[test]
    fn a_full_batch_waits_for_no_call() {
        let mut batches = Batches::default();
        assert_eq!(batches.join(0), Some(vec![0]));
        for n in 1..BATCH_MAX {
            assert_eq!(batches.join(n), None);
        }
        assert_eq!(batches.join(BATCH_MAX), Some((1..=BATCH_MAX).collect()));
        assert_eq!((batches.join(99), batches.next()), (None, None), "a call is under way");
        assert_eq!(batches.next(), Some(vec![99]));
    }
}
