//! Puts notifications back into their queue for later, those that come together by the same calls:
//! thousands for a target that hangs would otherwise keep the worker as busy as work.

use offload_domain::notification::Notification;
use offload_stores::{Error, Queue, RECEIVE_MAX, Replacement};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, oneshot};

/// Batches at once. What comes meanwhile waits to be in the next one.
const BATCHES: usize = 2;

type Result = std::result::Result<(), Error>;
type Waiting = (Replacement<Notification>, oneshot::Sender<Result>);

/// Puts back into one queue.
pub(super) struct PutBack {
    queue: Queue,
    waiting: Mutex<Vec<Waiting>>,
    batches: Semaphore,
}

impl PutBack {
    pub(super) fn new(queue: &Queue) -> Self {
        Self { queue: queue.clone(), waiting: Mutex::default(), batches: Semaphore::new(BATCHES) }
    }

    /// Puts a notification back, and settles the delivery that it came by.
    pub(super) async fn put_back(&self, replacement: Replacement<Notification>) -> Result {
        let (sender, mut settled) = oneshot::channel();
        self.waiting.lock().push((replacement, sender));
        // The semaphore is never closed.
        let _permit = self.batches.acquire().await;
        loop {
            // Another one's batch may have had it.
            match settled.try_recv() {
                Ok(result) => return result,
                Err(oneshot::error::TryRecvError::Closed) => return Ok(()),
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            let batch: Vec<Waiting> = {
                let mut waiting = self.waiting.lock();
                let count = waiting.len().min(RECEIVE_MAX);
                waiting.drain(..count).collect()
            };
            if batch.is_empty() {
                // The other batch has it.
                return settled.await.unwrap_or(Ok(()));
            }
            let (replacements, senders): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
            for (sender, result) in senders.into_iter().zip(self.queue.replace(replacements).await) {
                let _ = sender.send(result);
            }
        }
    }
}
