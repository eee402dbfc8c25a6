//! What connects a processor with its worker: reports of progress and the log one way, the stop the
//! other way.

use std::sync::Arc;

use offload_domain::status::ProgressReport;
use offload_service::clock;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::work_log::WorkLog;

/// Takes a processor's reports and its log, and carries the worker's stop.
#[derive(Debug, Clone)]
pub struct Progress {
    latest: Arc<watch::Sender<Option<ProgressReport>>>,
    log: WorkLog,
    stop: CancellationToken,
}

impl Progress {
    /// With the receiver of its reports; `stop` ends the work.
    #[must_use]
    pub fn new(stop: CancellationToken) -> (Self, watch::Receiver<Option<ProgressReport>>) {
        let (latest, reports) = watch::channel(None);
        (Self { latest: Arc::new(latest), log: WorkLog::default(), stop }, reports)
    }

    /// The same with a log that is kept.
    #[must_use]
    pub fn with_log(self, log: WorkLog) -> Self {
        Self { log, ..self }
    }

    /// Logs a text, line by line, for operators. The log of an attempt is kept within a bound; it
    /// may be left out, and fails nothing.
    pub fn log(&self, text: &str) {
        self.log.add(clock::now(), text);
    }

    pub(super) fn work_log(&self) -> &WorkLog {
        &self.log
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
