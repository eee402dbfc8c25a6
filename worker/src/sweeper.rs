//! Sweeps every now and then.

use std::time::Duration;

use offload_lifecycle::sweep::{Rules, Swept, sweep};
use offload_service::clock;
use offload_stores::Stores;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Sweeps until `stop`, every `every` plus or minus a quarter, so that workers that started
/// together do not sweep together.
pub(crate) async fn run(stores: Stores, every: Duration, rules: Rules, stop: CancellationToken) {
    loop {
        let wait = every.mul_f64(0.75 + 0.5 * clock::unit_random());
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(wait) => {}
        }
        match sweep(&stores, rules, clock::now).await {
            Ok(swept) if swept == Swept::default() => {}
            Ok(swept) => tracing::info!(swept.sent, swept.ended, swept.published, swept.failed, "swept"),
            Err(e) => tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot sweep"),
        }
    }
}
