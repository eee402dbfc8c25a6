//! What a request for an order does: waits for its idempotency key, estimates, and has the order accepted.
//!
//! The protocol itself is `offload_lifecycle::accept`.

use std::{sync::Arc, time::Duration};

use offload_domain::{
    id::OrderId,
    idempotency::{IdempotencyKey, IdempotencyRecord},
    order::{Order, OrderOptions, OrderRecord},
    schedule,
};
use offload_lifecycle::{
    accept::{self, Accepted, NotResumed, Resumed},
    enqueue,
};
use offload_service::clock;
use serde_json::{Map, Value};

use crate::{eta::Grounds, response::error::ApiError, response::status_access::Reading, service::Service};

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
    let refused = match accept::accept(&service.stores, &record, key.as_ref()).await {
        Ok(Accepted::New) => {
            sent(service, &record).await;
            return Ok(Placed { record, reading, grounds });
        }
        Ok(Accepted::Exists(found)) => {
            service.estimator.not_accepted();
            return match key {
                Some(key) => resume(service, &key, &found).await,
                // Only a key can exist.
                None => Err(ApiError::OrderExpired),
            };
        }
        Err(refused) => refused,
    };
    if let Some(other) = refused.object_error {
        service.note("the status object of a refused order was not written either", &other);
    }
    service.estimator.not_accepted();
    if key.is_none() {
        withdraw(service, record).await;
    }
    Err(refused.error.into())
}

/// Finishes what an earlier request with the same key began, as far as it was not finished.
async fn resume(service: &Arc<Service>, key: &IdempotencyKey, found: &IdempotencyRecord) -> Result<Placed, ApiError> {
    let resumed = accept::resume(&service.stores, key, found).await.map_err(|e| match e {
        NotResumed::OtherBody => ApiError::IdempotencyKeyReused,
        NotResumed::Expired => ApiError::OrderExpired,
        NotResumed::Failed(e) => e.into(),
    })?;
    let Resumed { record, sent: just_sent } = resumed;
    if just_sent {
        sent(service, &record).await;
    }
    let reading = Reading::of(service, record.order.id, record.state.eta.as_ref(), clock::now()).await?;
    Ok(Placed { record, reading, grounds: service.estimator.grounds() })
}

/// The message of an order was sent: takes the order out of the outbox in the background.
async fn sent(service: &Arc<Service>, record: &OrderRecord) {
    service.metrics.accepted();
    let (own, record) = (Arc::clone(service), record.clone());
    let mark = async move {
        if let Err(e) = enqueue::mark(&own.stores, &record).await {
            own.note("an order stays in the outbox and will be sent once more, which does no harm", &e);
        }
    };
    service.background.afterwards(mark).await;
}

/// Takes back an order whose client is told that it failed and has no key to ask again with.
async fn withdraw(service: &Arc<Service>, record: OrderRecord) {
    let own = Arc::clone(service);
    let work = async move {
        if let Err(e) = accept::withdraw(&own.stores, &record).await {
            own.note("a refused order could not be withdrawn and may be worked on", &e);
        }
    };
    service.background.afterwards(work).await;
}
