//! What every job of a worker shares.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use offload_domain::eta::ServiceTimes;
use offload_lifecycle::sweep::Rules;
use offload_service::{
    clock,
    metrics::Source,
    settings::{EtaSettings, WorkerSettings},
};
use offload_stores::Stores;
use tokio_util::sync::CancellationToken;

use crate::{
    metrics::WorkerMetrics, notify::Notifier, processor::Processor, reporter::Reporter, task_protection::Work,
};

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
    pub(crate) metrics: WorkerMetrics,
}

/// The worker cannot be started with these settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// A notification channel that the settings ask for cannot be built.
    #[error("notifications cannot be delivered: {0}")]
    Notifier(String),
    /// The address for probes and metrics is not free.
    #[error("cannot listen on {0} for probes and metrics: {1}")]
    Listen(SocketAddr, String),
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
        let metrics = WorkerMetrics::new(settings.concurrency, &stores.calls);
        let notifier = Notifier::new(&stores, &settings.notifier, metrics.clone()).map_err(StartError::Notifier)?;
        let notifier = notifier.map(Arc::new);
        Ok(Self {
            reporter: Arc::new(Reporter::new(&name, settings.concurrency, guess, notifier.clone())),
            notifier,
            name,
            halt: CancellationToken::new(),
            time: None,
            work: Arc::default(),
            dropped_logs: Arc::default(),
            metrics,
            settings,
            stores,
            processor,
        })
    }

    /// All metrics as text, as they are now.
    pub(crate) fn metrics_text(&self) -> String {
        let circuits = self.notifier.as_ref().map_or(0, |notifier| notifier.open_circuits());
        let credentials_left = self.stores.presigner.credentials_end().map(|end| end - clock::now());
        self.metrics.current(circuits, credentials_left);
        self.metrics.text()
    }

    /// What a sweep needs to know of this worker.
    pub(crate) fn sweep_rules(&self) -> Rules {
        Rules { retry_max: self.settings.retry.max, result_url_ttl: self.settings.result_url_ttl }
    }
}

impl Source for Worker {
    fn program(&self) -> &'static str {
        "offload-worker"
    }

    fn text(&self) -> String {
        self.metrics_text()
    }
}
