//! The consumer of the dead-letter queue ends what the queue has given up.
//!
//! Invariant: a dead letter is deleted only after the final status of its order is stored in S3.

use std::{sync::Arc, time::Duration};

use offload_domain::{backoff::Backoff, message::Envelope};
use offload_lifecycle::dead_letter::{self, DeadLetter};
use offload_service::clock;
use offload_stores::{Delivery, Error, Queue};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::Worker;

/// A dead letter that could not be dealt with comes again after so long.
const VISIBILITY: Duration = Duration::from_secs(60);
/// One that cannot be read is left for a person; it is looked at again so seldom that it costs next to nothing.
const UNREADABLE: Duration = Duration::from_secs(3_600);
const LONG_POLL: Duration = Duration::from_secs(20);
const RECEIVE_RETRY: Backoff = Backoff { base: Duration::from_secs(1), max: Duration::from_secs(60) };

/// Works on dead letters until `stop`. There should be few, so they are dealt with one after the other.
pub(crate) async fn consume(worker: Arc<Worker>, queue: Queue, stop: CancellationToken) {
    let mut failures = 0;
    loop {
        let received = tokio::select! {
            () = stop.cancelled() => return,
            received = queue.receive(10, LONG_POLL, VISIBILITY) => received,
        };
        match received {
            Ok(deliveries) => {
                failures = 0;
                for delivery in deliveries {
                    let settled = bury(&worker, delivery).await;
                    if let Err(e) = settled {
                        // It comes again after its visibility.
                        tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot end a dead letter");
                    }
                }
            }
            Err(e) => {
                failures += 1;
                let wait = RECEIVE_RETRY.delay(failures, clock::unit_random());
                tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot receive dead letters");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(wait) => {}
                }
            }
        }
    }
}

/// Ends the order of a dead letter, shows it, and deletes the letter.
pub(crate) async fn bury(worker: &Worker, delivery: Delivery) -> Result<(), Error> {
    let Ok(envelope) = Envelope::parse(&delivery.body) else {
        let (id, size) = (&delivery.message_id, delivery.body.len());
        tracing::error!(message.id = id, message.bytes = size, "dead letter cannot be read; it is left in its queue");
        return delivery.retry_after(UNREADABLE).await;
    };
    match dead_letter::fail(&worker.stores, &envelope, worker.settings.result_url_ttl).await? {
        DeadLetter::Done => delivery.complete().await,
        DeadLetter::Later(wait) => delivery.retry_after(wait).await,
    }
}
