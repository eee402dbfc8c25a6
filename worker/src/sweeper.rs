//! Sweeps every now and then.

use std::time::Duration;

use offload_lifecycle::sweep::{Swept, sweep};
use offload_service::clock;
use offload_stores::Stores;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Sweeps until `stop`, every `every` plus or minus a quarter, so that workers that started
/// together do not sweep together.
pub(crate) async fn run(stores: Stores, every: Duration, age: Duration, stop: CancellationToken) {
    loop {
        let wait = every.mul_f64(0.75 + 0.5 * clock::unit_random());
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(wait) => {}
        }
        match sweep(&stores, age, clock::now()).await {
            Ok(Swept { sent: 0, ended: 0, failed: 0 }) => {}
            Ok(swept) => tracing::info!(swept.sent, swept.ended, swept.failed, "swept"),
            Err(e) => tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot sweep"),
        }
    }
}
