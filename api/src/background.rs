//! Work that goes on when the request that caused it is over.

use std::{panic::resume_unwind, sync::Arc};

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

/// Afterthoughts at once. Beyond that requests do theirs themselves, which slows them down, and that is what is wanted.
const AFTERTHOUGHTS_MAX: usize = 256;

/// The tasks of one service.
#[derive(Debug)]
pub(crate) struct Background {
    tracker: TaskTracker,
    seats: Arc<Semaphore>,
}

impl Background {
    pub(crate) fn new() -> Self {
        Self { tracker: TaskTracker::new(), seats: Arc::new(Semaphore::new(AFTERTHOUGHTS_MAX)) }
    }

    /// Has an afterthought done, without waiting for it as long as there is a seat.
    pub(crate) async fn afterwards(&self, work: impl Future<Output = ()> + Send + 'static) {
        match Arc::clone(&self.seats).try_acquire_owned() {
            Ok(seat) => {
                self.tracker.spawn(async move {
                    work.await;
                    drop(seat);
                });
            }
            Err(_) => work.await,
        }
    }

    /// Does work to its end even if the client goes away in the middle, so that nothing is left half done. Bounded by
    /// the requests in service, whose place such work takes with it.
    pub(crate) async fn to_the_end<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        match self.tracker.spawn(work).await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(value) => value,
            Err(Ok(panic)) => resume_unwind(panic),
            // Nobody aborts these tasks but the runtime when it ends, and this task with them.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// To have tasks of elsewhere counted among these.
    pub(crate) fn tracker(&self) -> TaskTracker {
        self.tracker.clone()
    }

    /// Waits until everything is done. Nothing new should come meanwhile; afterwards it may.
    pub(crate) async fn done(&self) {
        self.tracker.close();
        self.tracker.wait().await;
        self.tracker.reopen();
    }
}
