//! Tries to record an end again while a store is down.

use std::time::{Duration, Instant};

use offload_domain::backoff::Backoff;
use offload_service::clock;
use offload_stores::{Error, LeaseState};
use tokio::time::sleep;

use super::heartbeat::LeaseHeartbeat;

/// Between tries. Work that is done is worth waiting for: the lease is kept meanwhile.
const BACKOFF: Backoff = Backoff { base: Duration::from_millis(250), max: Duration::from_secs(5) };

/// How long to try; then the message comes again, and what was stored by then is found.
const LONGEST: Duration = Duration::from_secs(900);

/// The end cannot be recorded: the order is no longer ours, or a store stays down. The message is
/// left as it is.
pub(super) struct Abandoned;

/// Tries until it works, fails for good, or the order is lost; `what` is for the log.
pub(super) async fn retry_until_done<T, F: Future<Output = Result<T, Error>>>(
    what: &'static str,
    heartbeat: Option<&LeaseHeartbeat>,
    mut attempt: impl FnMut() -> F,
) -> Result<T, Abandoned> {
    let begun = Instant::now();
    let mut failures = 0;
    loop {
        let error = match attempt().await {
            Ok(done) => return Ok(done),
            Err(e) => e,
        };
        failures += 1;
        let lost = heartbeat.is_some_and(|h| h.state() == LeaseState::Lost);
        tracing::warn!(error.kind = error.kind.as_str(), error.cause = %error.source, failures, "cannot {what}");
        if lost || !error.is_transient() || begun.elapsed() > LONGEST {
            return Err(Abandoned);
        }
        sleep(BACKOFF.delay(failures, clock::unit_random())).await;
    }
}
