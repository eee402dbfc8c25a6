//! Who is deleted with whom: the turns of the messages of a queue.

use std::{collections::VecDeque, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::wire::BATCH_MAX;
use crate::error::Error;

/// What a message is deleted by.
pub(super) type Receipt = Arc<str>;

/// The messages of a queue that are to be deleted: no more than this process has received.
#[derive(Debug, Default)]
pub(super) struct Deletions(Mutex<Turns<Waiting>>);

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

/// A message to be deleted, and who is told what became of it.
pub(super) type Waiting = (Receipt, oneshot::Sender<Result<(), Error>>);

/// Who waits for a call, and how many calls are under way. Pure.
#[derive(Debug)]
struct Turns<T> {
    waiting: VecDeque<T>,
    calls: usize,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new(), calls: 0 }
    }
}

impl<T> Turns<T> {
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
        let mut turns = Turns::default();
        assert_eq!(turns.join(0), Some(vec![0]));
        assert_eq!((turns.join(1), turns.join(2)), (None, None));
        assert_eq!(turns.next(), Some(vec![1, 2]));
        assert_eq!(turns.next(), None);
        assert_eq!(turns.join(3), Some(vec![3]), "no call is under way");
    }

    #[test]
    fn a_full_batch_waits_for_no_call() {
        let mut turns = Turns::default();
        assert_eq!(turns.join(0), Some(vec![0]));
        for n in 1..BATCH_MAX {
            assert_eq!(turns.join(n), None);
        }
        assert_eq!(turns.join(BATCH_MAX), Some((1..=BATCH_MAX).collect()));
        assert_eq!((turns.join(99), turns.next()), (None, None), "a call is under way");
        assert_eq!(turns.next(), Some(vec![99]));
    }
}
