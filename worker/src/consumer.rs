//! Consumes the queues of orders until the worker stops, then drains: running jobs may finish, and
//! the rest hand their orders back.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{context::Worker, intake};

/// Of the grace period, this much is kept to hand back what still runs: to stop the processors and
/// to write.
fn hand_back_time(grace: Duration) -> Duration {
    (grace / 3).min(Duration::from_secs(8))
}

/// Receives and works until `stop`; then drains.
pub(crate) async fn consume(worker: Arc<Worker>, stop: CancellationToken) {
    tracing::info!(worker.name = worker.name, worker.concurrency = worker.settings.concurrency, "worker started");
    let jobs = intake::receive_until(&worker, &stop).await;
    drain(&worker, jobs).await;
}

/// First stage: running jobs may finish. Second stage: the jobs that still run hand their orders
/// back.
async fn drain(worker: &Worker, mut jobs: JoinSet<()>) {
    while jobs.try_join_next().is_some() {}
    let grace = worker.settings.shutdown_grace;
    tracing::info!(jobs.running = jobs.len(), grace.seconds = grace.as_secs(), "worker stops receiving");
    let end = Instant::now() + grace;
    let all = async { while jobs.join_next().await.is_some() {} };
    if timeout_at(end - hand_back_time(grace), all).await.is_err() {
        tracing::info!(jobs.running = jobs.len(), "worker gives back what still runs");
        worker.halt.cancel();
        let all = async { while jobs.join_next().await.is_some() {} };
        if timeout_at(end, all).await.is_err() {
            // Their leases expire, and other workers take over.
            tracing::warn!(jobs.running = jobs.len(), "worker ends while jobs still run");
        }
    }
    tracing::info!("worker stopped");
}
