//! The consumer of the dead-letter queue: fails the orders of the messages in it.
//!
//! Invariant: a dead letter is deleted only after the final status of its order is stored in S3.

use std::{sync::Arc, time::Duration};

use offload_domain::message::Envelope;
use offload_lifecycle::dead_letter::{self, DeadLetter};
use offload_stores::{Delivery, Error, Queue};
use tokio_util::sync::CancellationToken;

use crate::{context::Worker, receive::receive_until};

/// A dead letter that could not be handled comes again after this long.
const VISIBILITY: Duration = Duration::from_secs(60);
/// A letter that cannot be read is left for a person; it comes again so seldom that it costs next
/// to nothing.
const UNREADABLE: Duration = Duration::from_secs(3_600);

/// Letters that are handled at once: there should be few.
const PERMITS: usize = 10;

/// Handles dead letters until `stop`.
pub(crate) async fn consume(worker: Arc<Worker>, queue: Queue, stop: CancellationToken) {
    let work = move |delivery| {
        let worker = Arc::clone(&worker);
        async move { fail_dead_letter(&worker, delivery).await }
    };
    // What is cut off comes again after its visibility.
    drop(receive_until(&queue, PERMITS, VISIBILITY, &stop, work).await);
}

/// Fails the order of a dead letter, publishes it, and deletes the letter. Otherwise the letter
/// comes again.
pub(crate) async fn fail_dead_letter(worker: &Worker, delivery: Delivery) {
    if let Err(e) = try_fail(worker, delivery).await {
        tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot end a dead letter");
    }
}

async fn try_fail(worker: &Worker, delivery: Delivery) -> Result<(), Error> {
    let Ok(envelope) = Envelope::parse(&delivery.body) else {
        worker.metrics.unreadable();
        let (id, size) = (&delivery.message_id, delivery.body.len());
        tracing::error!(message.id = id, message.bytes = size, "dead letter cannot be read; it is left in its queue");
        return delivery.retry_after(UNREADABLE).await;
    };
    match dead_letter::fail(&worker.stores, &envelope, worker.settings.result_url_ttl).await? {
        DeadLetter::Done => delivery.complete().await,
        DeadLetter::Failed => {
            worker.metrics.dead_lettered();
            delivery.complete().await
        }
        DeadLetter::Later(wait) => delivery.retry_after(wait).await,
    }
}
