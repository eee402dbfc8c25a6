//! What connects a processor with its worker: reports of progress one way, the stop the other way.

use std::sync::Arc;

use offload_domain::status::ProgressReport;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Takes a processor's reports, and carries the worker's stop.
#[derive(Debug, Clone)]
pub struct Progress {
    latest: Arc<watch::Sender<Option<ProgressReport>>>,
    stop: CancellationToken,
}

impl Progress {
    /// With the receiver of its reports; `stop` ends the work.
    #[must_use]
    pub fn new(stop: CancellationToken) -> (Self, watch::Receiver<Option<ProgressReport>>) {
        let (latest, reports) = watch::channel(None);
        (Self { latest: Arc::new(latest), stop }, reports)
    }

    /// Reports progress: 0 to 100 and, for people, what is being done. Cheap: only the latest
    /// report counts, and the worker decides when it is worth a write.
    pub fn report(&self, percent: u8, message: Option<&str>) {
        self.latest.send_replace(Some(ProgressReport::new(percent, message)));
    }

    /// Resolves when the work should end.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// Whether the work should end.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }
}
