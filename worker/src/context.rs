//! What every job of a worker shares.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use offload_domain::eta::ServiceTimes;
use offload_lifecycle::sweep::Rules;
use offload_service::settings::{EtaSettings, WorkerSettings};
use offload_stores::Stores;
use tokio_util::sync::CancellationToken;

use crate::{notify::Notifier, processor::Processor, reporter::Reporter, task_protection::Work};

/// A worker: its settings, its stores and its processor.
#[derive(Clone)]
pub(crate) struct Worker {
    pub(crate) settings: WorkerSettings,
    pub(crate) reporter: Arc<Reporter>,
    pub(crate) stores: Stores,
    pub(crate) processor: Arc<dyn Processor>,
    /// Delivers notifications, where there are any.
    pub(crate) notifier: Option<Arc<Notifier>>,
    /// Names this process in leases.
    pub(crate) name: String,
    /// Set when jobs that still run must hand their orders back.
    pub(crate) halt: CancellationToken,
    /// In a function: how much time there is from the start of the invocation to `halt`.
    pub(crate) time: Option<Duration>,
    /// What runs.
    pub(crate) work: Arc<Work>,
    /// Logs of the work that could not be stored since the start.
    pub(crate) dropped_logs: Arc<AtomicU64>,
}

/// The worker cannot be started with these settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// A notification channel that the settings ask for cannot be built.
    #[error("notifications cannot be delivered: {0}")]
    Notifier(String),
}

impl Worker {
    /// A worker that has not started.
    ///
    /// # Errors
    /// If its notifier cannot be built: without one, notifications would wait in their queue
    /// unseen.
    pub(crate) fn new(
        settings: WorkerSettings,
        eta: EtaSettings,
        stores: Stores,
        processor: Arc<dyn Processor>,
    ) -> Result<Self, StartError> {
        let name = format!("worker-{}", uuid::Uuid::new_v4().simple());
        let guess = ServiceTimes::configured(eta.expected_job_seconds);
        let notifier = Notifier::new(&stores, &settings.notifier).map_err(StartError::Notifier)?.map(Arc::new);
        Ok(Self {
            reporter: Arc::new(Reporter::new(&name, settings.concurrency, guess, notifier.clone())),
            notifier,
            name,
            halt: CancellationToken::new(),
            time: None,
            work: Arc::default(),
            dropped_logs: Arc::default(),
            settings,
            stores,
            processor,
        })
    }

    /// What a sweep needs to know of this worker.
    pub(crate) fn sweep_rules(&self) -> Rules {
        Rules { retry_max: self.settings.retry.max, result_url_ttl: self.settings.result_url_ttl }
    }
}
