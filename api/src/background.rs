//! Work that goes on when the request that started it is over.

use std::panic::resume_unwind;

use tokio::task::JoinError;
use tokio_util::task::TaskTracker;
use tracing::Instrument as _;

/// The background tasks of one service.
#[derive(Debug)]
pub(crate) struct BackgroundTasks {
    tracker: TaskTracker,
}

impl BackgroundTasks {
    pub(crate) fn new() -> Self {
        Self { tracker: TaskTracker::new() }
    }

    /// Runs work to completion and waits for it. It goes on if the client leaves meanwhile, so that
    /// nothing is left half done. The requests in service bound such work: it takes their permits
    /// with it.
    pub(crate) fn run_to_completion<T: Send + 'static, W: Future<Output = T> + Send + 'static>(
        &self,
        work: W,
    ) -> impl Future<Output = T> + use<T, W> {
        // Begun here: an async function would hold the work in its own future too.
        let task = self.tracker.spawn(work.in_current_span());
        async {
            match task.await.map_err(JoinError::try_into_panic) {
                Ok(value) => value,
                Err(Ok(panic)) => resume_unwind(panic),
                // Only the runtime aborts these tasks, when it ends, and this task with them.
                Err(Err(_)) => std::future::pending().await,
            }
        }
    }

    /// To count other tasks among these.
    pub(crate) fn tracker(&self) -> TaskTracker {
        self.tracker.clone()
    }

    /// Waits until all tasks have ended. None should be started meanwhile.
    pub(crate) async fn wait(&self) {
        self.tracker.close();
        self.tracker.wait().await;
        self.tracker.reopen();
    }
}
