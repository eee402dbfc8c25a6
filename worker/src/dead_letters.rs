//! Orders that failed by no fault of their own: the dead-letter queue's consumer ends what the queue gave up as `failed`,
//! and an operator may give a dead order another chance.
//!
//! Invariant: a dead letter is deleted only after the final status of its order stands in S3.

use std::{sync::Arc, time::Duration};

use offload_domain::{
    backoff::Backoff,
    id::OrderId,
    message::Envelope,
    problem::ends,
    transition::{Refused, Transition},
};
use offload_service::clock;
use offload_stores::{Conflict, Delivery, Error, Queue, Stores};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{Worker, sweeper};

/// A dead letter that could not be dealt with comes again after so long.
const VISIBILITY: Duration = Duration::from_secs(60);
/// One that cannot be read is left for a person; it is looked at again so seldom that it costs next to nothing.
const UNREADABLE: Duration = Duration::from_secs(3_600);
/// When a client should look at an order that was redriven.
const REDRIVEN_POLL_MS: u64 = 5_000;
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
    let stores = &worker.stores;
    let Some(mut record) = stores.orders.get(envelope.id).await? else { return delivery.complete().await };
    if !record.state.status.is_final() {
        let now = clock::now();
        if let Some(lease) = record.lease.as_ref().filter(|l| l.until > now) {
            // Another copy of the message is being worked on: its worker will say how it ends.
            return delivery.retry_after((lease.until - now).to_std().unwrap_or_default()).await;
        }
        let last = record.state.error.as_ref().and_then(|e| e.detail.as_deref());
        let error = ends::dead_lettered(record.state.attempt, last);
        let Ok(state) = record.state.apply(Transition::Fail { error }, now) else {
            return delivery.retry_after(Duration::ZERO).await;
        };
        record = match stores.orders.take(envelope.id, &state, None, now).await {
            Ok(record) => record,
            Err(Conflict::Changed(_)) => return delivery.retry_after(Duration::from_secs(1)).await,
            Err(Conflict::Failed(e)) => return Err(e),
        };
        tracing::error!(order.id = %envelope.id, attempt = record.state.attempt, "order failed as a dead letter");
    }
    crate::job::publish(worker, &record, None).await?;
    delivery.complete().await
}

/// What became of an attempt to redrive an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redriven {
    /// It is pending again, in this generation.
    Pending(u32),
    /// It has not failed, or somebody else has redriven it.
    NotFailed,
    /// There is no such order, or not any more.
    Unknown,
}

/// Gives a failed order another chance: pending again, in a new generation, with all its attempts and its time anew.
///
/// # Errors
/// If a call fails. Once the table says pending, the sweeper does the rest.
pub async fn redrive(stores: &Stores, id: OrderId) -> Result<Redriven, Error> {
    let now = clock::now();
    let Some(record) = stores.orders.get(id).await? else { return Ok(Redriven::Unknown) };
    // Nothing is known of when it will be done; a client looks again after a while.
    let transition = Transition::Redrive { eta: None, poll_after_ms: Some(REDRIVEN_POLL_MS) };
    let state = match record.state.apply(transition, now) {
        Ok(state) => state,
        Err(Refused::NotFailed | Refused::Final(_) | Refused::NotProcessing) => return Ok(Redriven::NotFailed),
    };
    match stores.orders.store(id, &state, None).await {
        Ok(record) => {
            sweeper::enqueue(stores, &record, now).await?;
            Ok(Redriven::Pending(record.state.generation))
        }
        Err(Conflict::Changed(_)) => Ok(Redriven::NotFailed),
        Err(Conflict::Failed(e)) => Err(e),
    }
}
