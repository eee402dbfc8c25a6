//! How an order comes to stand in DynamoDB, S3 and SQS.
//!
//! Table and object are written together, the message after both, so that a worker always finds them. What breaks off
//! in between leaves an order in the table's outbox: with an idempotency key the client's retry finishes it, and
//! without one it is withdrawn, because the client will order again and must not get the work twice.
//!
//! Invariant: the same idempotency key gives the same order, and another body with it changes nothing.

use std::{sync::Arc, time::Duration};

use offload_domain::{
    id::OrderId,
    idempotency::{IdempotencyKey, IdempotencyRecord},
    message::Envelope,
    order::{Order, OrderOptions, OrderRecord},
    schedule,
};
use offload_service::clock;
use offload_stores::{Accepted, DELAY_MAX, Error};
use serde_json::{Map, Value};

use crate::{error::ApiError, eta::Grounds, reading::Reading, service::Service};

/// The longest that a request waits for another one with its key.
const TURN_PATIENCE: Duration = Duration::from_secs(10);

/// A request that has passed every check.
#[derive(Debug)]
pub(crate) struct Submission {
    pub(crate) payload: Map<String, Value>,
    pub(crate) options: OrderOptions,
    pub(crate) key: Option<IdempotencyKey>,
    pub(crate) traceparent: String,
}

/// An order that stands everywhere, and what opens its status object.
#[derive(Debug)]
pub(crate) struct Placed {
    pub(crate) record: OrderRecord,
    pub(crate) reading: Reading,
    pub(crate) grounds: Grounds,
}

/// Accepts the order, or finds the one that its key gave before.
pub(crate) async fn accept(service: &Arc<Service>, submission: Submission) -> Result<Placed, ApiError> {
    let Some(key) = submission.key.clone() else { return place(service, submission).await };
    let mut turn = service.keys.turn(&key.hash, TURN_PATIENCE).await.ok_or(ApiError::IdempotencyKeyInUse)?;
    if turn.waited {
        // The request before this one has most likely placed the order: all that waited may look at the same time.
        drop(turn);
        if let Some(found) = service.stores.orders.find_idempotent(&key).await? {
            return resume(service, &key, &found).await;
        }
        turn = service.keys.turn(&key.hash, TURN_PATIENCE).await.ok_or(ApiError::IdempotencyKeyInUse)?;
    }
    let placed = match service.stores.orders.find_idempotent(&key).await? {
        Some(found) => resume(service, &key, &found).await,
        None => place(service, submission).await,
    };
    drop(turn);
    placed
}

async fn place(service: &Arc<Service>, submission: Submission) -> Result<Placed, ApiError> {
    let Submission { payload, options, key, traceparent } = submission;
    let delay = Duration::from_secs(options.delay_seconds.unwrap_or(0).into());
    let (estimate, grounds) = service.estimator.estimate(delay).await;
    let now = clock::now();
    let id = OrderId::new(now);
    // Before anything is written: without credentials the client could not be told of its order.
    let window = estimate.window(now);
    let reading = Reading::of(service, id, Some(&window), now).await?;
    let (deadline_at, not_before) = options.times(now);
    let renew = service.public.order(id);
    let (traceparent, callbacks) = (Some(traceparent), options.callbacks());
    let order = Order { id, created_at: now, payload, deadline_at, not_before, traceparent, renew, callbacks };
    let record = OrderRecord::new(order, window, schedule::poll_after_ms(&window, now));
    let object = record.status_object(None);

    let stores = &service.stores;
    let (accepted, created) = tokio::join!(stores.orders.accept(&record, key.as_ref()), stores.objects.create(&object));
    let placed = match (accepted, created, &key) {
        // The object of the id that lost the race stays behind, unknown to everybody, until its lifecycle ends.
        (Ok(Accepted::Exists(found)), _, Some(key)) => {
            service.estimator.not_accepted();
            return resume(service, key, &found).await;
        }
        (Ok(_), Ok(etag), _) => enqueue(service, &record, etag).await,
        (Ok(_), Err(e), _) => Err(e),
        (Err(e), created, _) => {
            if let Err(other) = created {
                service.note("the status object of a refused order was not written either", &other);
            }
            Err(e)
        }
    };
    match placed {
        Ok(()) => Ok(Placed { record, reading, grounds }),
        Err(e) => {
            service.estimator.not_accepted();
            if key.is_none() {
                withdraw(service, id).await;
            }
            Err(e.into())
        }
    }
}

/// Finishes what an earlier request with the same key began, as far as it was not finished.
async fn resume(service: &Arc<Service>, key: &IdempotencyKey, found: &IdempotencyRecord) -> Result<Placed, ApiError> {
    if found.fingerprint != key.fingerprint {
        return Err(ApiError::IdempotencyKeyReused);
    }
    let id = found.order_id;
    // Both were written in one transaction and expire at the same time, but are not deleted in the same moment.
    let record = service.stores.orders.get(id).await?.ok_or(ApiError::OrderExpired)?;
    let reading = Reading::of(service, id, record.state.eta.as_ref(), clock::now()).await?;
    let mut etag = None;
    if record.state.revision == 1 {
        // Also if the message was sent: the sweeper sends it without looking at S3.
        etag = service.stores.objects.create(&record.status_object(None)).await?;
    }
    if !record.enqueued && !record.state.status.is_final() {
        enqueue(service, &record, etag).await?;
    }
    Ok(Placed { record, reading, grounds: service.estimator.grounds() })
}

/// Sends the message, and takes the order out of the outbox afterwards.
async fn enqueue(service: &Arc<Service>, record: &OrderRecord, etag: Option<String>) -> Result<(), Error> {
    let order = &record.order;
    let mut envelope = Envelope::new(order.id, etag);
    envelope.not_before = order.not_before;
    let left = order.not_before.and_then(|at| (at - clock::now()).to_std().ok()).unwrap_or_default();
    service.stores.queue.send(&envelope, left.min(DELAY_MAX), order.traceparent.as_deref()).await?;
    service.metrics.accepted();
    let (own, id, deadline_at) = (Arc::clone(service), order.id, order.deadline_at);
    let mark = async move {
        if let Err(e) = own.stores.orders.mark_enqueued(id, deadline_at).await {
            own.note("an order stays in the outbox and will be sent once more, which does no harm", &e);
        }
    };
    service.background.afterwards(mark).await;
    Ok(())
}

/// Takes back an order whose client is told that it failed and has no key to ask again with.
async fn withdraw(service: &Arc<Service>, id: OrderId) {
    let own = Arc::clone(service);
    let work = async move {
        if let Err(e) = own.stores.orders.withdraw(id).await {
            own.note("a refused order could not be withdrawn and may be worked on", &e);
        }
    };
    service.background.afterwards(work).await;
}
