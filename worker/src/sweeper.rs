//! Sweeps every now and then.

use std::time::Duration;

use offload_lifecycle::sweep::{Rules, Swept, sweep};
use offload_service::clock;
use offload_stores::Stores;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::metrics::WorkerMetrics;

/// Sweeps until `stop`, every `every` plus or minus a quarter, so that workers that started
/// together do not sweep together.
pub(crate) async fn run(
    stores: Stores,
    every: Duration,
    rules: Rules,
    metrics: WorkerMetrics,
    stop: CancellationToken,
) {
    loop {
        let wait = every.mul_f64(0.75 + 0.5 * clock::unit_random());
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(wait) => {}
        }
        let swept = sweep(&stores, rules, clock::now).await;
        metrics.swept(swept.as_ref());
        match swept {
            Ok(swept) if swept == Swept::default() => {}
            Ok(swept) => tracing::info!(swept.sent, swept.ended, swept.published, swept.failed, "swept"),
            Err(e) => tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot sweep"),
        }
        // Of orders that are overdue the first ones by the index are the oldest.
        match stores.orders.oldest_open().await {
            Ok(oldest) => metrics.oldest(oldest),
            Err(e) => tracing::debug!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot read the index"),
        }
    }
}
