//! Claims the order of a message, again while the order table does not answer.

use std::time::Duration;

use offload_domain::{backoff::Backoff, eta, message::Envelope, schedule};
use offload_lifecycle::claim::{self, Claim, Claimant, Outlook};
use offload_service::clock;
use offload_stores::{Conflict, Delivery};
use tokio::time::sleep;

use crate::context::Worker;

/// Between tries while the order table does not answer. The job keeps its permit meanwhile, so that
/// a worker whose table is down does not empty the queue into its own retries.
const CLAIM_RETRY: Backoff = Backoff { base: Duration::from_millis(200), max: Duration::from_secs(3) };

/// Between tries while the order is missing. Its row is written at the same time as its message,
/// and is nearly always there a moment later; SQS would give the message back after a second.
const MISSING_RETRY: Backoff = Backoff { base: Duration::from_millis(20), max: Duration::from_millis(200) };

/// Tries while the order is missing: half a second, at most.
const MISSING_TRIES: u32 = 5;

/// Claims the order of a message, if it can be claimed.
pub(super) async fn claim(worker: &Worker, delivery: &Delivery, envelope: &Envelope) -> Claim {
    let claimant = Claimant {
        owner: format!("{}/{}", worker.name, uuid::Uuid::new_v4().simple()),
        term: worker.settings.visibility,
        limits: worker.settings.limits,
    };
    let (mut failures, mut missing) = (0, 0);
    loop {
        let first = delivery.receive_count == 1;
        match claim::claim(&worker.stores, &claimant, envelope, first, outlook(worker)).await {
            Ok(Claim::Missing(_)) if missing < MISSING_TRIES && !worker.halt.is_cancelled() => {
                missing += 1;
                sleep(MISSING_RETRY.delay(missing, clock::unit_random())).await;
            }
            Ok(claim) => return claim,
            // Another writer came between our read and our write: decide anew.
            Err(Conflict::Changed(_)) => {}
            Err(Conflict::Failed(e)) => {
                failures += 1;
                let wait = CLAIM_RETRY.delay(failures, clock::unit_random());
                tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot claim an order");
                // The message is given back before its visibility ends by itself.
                let too_late = delivery.age() + wait > worker.settings.visibility / 2 || worker.halt.is_cancelled();
                if too_late || !e.is_transient() {
                    return Claim::Later(wait);
                }
                sleep(wait).await;
            }
        }
    }
}

/// When work that starts now should be done, and when to poll.
fn outlook(worker: &Worker) -> Outlook {
    let now = clock::now();
    let eta = eta::started(&worker.reporter.times()).window(now);
    Outlook { eta, poll_after_ms: schedule::poll_after_ms(&eta, now) }
}
