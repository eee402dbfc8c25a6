//! What a request for many orders does: it locks its idempotency key, estimates each order in its
//! place, and has all of them accepted.

use std::{sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream};
use offload_domain::{
    id::OrderId,
    idempotency::{IdempotencyKey, IdempotencyRecord},
};
use offload_lifecycle::{
    accept::NotAccepted,
    accept_batch::{self, Batch, NewOrder},
};
use offload_service::clock;
use offload_stores::{Error, Kind};

use crate::{
    acceptance::{AcceptedOrder, Draft, KEY_WAIT_MAX},
    request::{batch::BatchSubmission, submission::Submission},
    response::{error::ApiError, status_access::StatusAccess},
    service::Service,
};

/// A repeated batch accepts orders that its first request left only so long after that one. Later
/// an order without a row is one that was erased, or is past its retention.
const COMPLETED_WITHIN: Duration = Duration::from_secs(600);
/// Reads, and grants of access by STS, at once.
const CALLS_AT_ONCE: usize = 64;
/// Failed calls of one batch that are logged; all are counted.
const LOGGED_MAX: usize = 3;

/// What became of an order of a batch.
pub(crate) type Outcome = Result<AcceptedOrder, ApiError>;

/// An order with its place in its batch.
type Placed<T> = (u16, T);

/// Accepts the orders of a batch that have passed the checks, or finds those that its key gave
/// before. What became of each, in their order.
///
/// # Errors
/// If nothing could be done for any of them.
pub(crate) async fn accept(service: &Arc<Service>, batch: BatchSubmission) -> Result<Vec<Outcome>, ApiError> {
    let BatchSubmission { key, orders } = batch;
    let (mut outcomes, mut valid) = (Vec::with_capacity(orders.len()), Vec::with_capacity(orders.len()));
    for (place, order) in (0..).zip(orders) {
        match order {
            Ok(submission) => valid.push((place, submission)),
            Err(e) => outcomes.push((place, Err(e))),
        }
    }
    if !valid.is_empty() {
        service.know_the_time().await?;
        let group = OrderId::new(clock::now());
        outcomes.extend(match &key {
            Some(key) => accept_keyed(service, key, group, valid).await?,
            None => create(service, group, valid, Batch::Unkeyed).await,
        });
        outcomes.sort_unstable_by_key(|(place, _)| *place);
    }
    Ok(outcomes.into_iter().map(|(_, outcome)| outcome).collect())
}

async fn accept_keyed(
    service: &Arc<Service>,
    key: &IdempotencyKey,
    group: OrderId,
    orders: Vec<Placed<Submission>>,
) -> Result<Vec<Placed<Outcome>>, ApiError> {
    let lock = service.key_locks.lock(&key.hash, KEY_WAIT_MAX).await.ok_or(ApiError::IdempotencyKeyInUse)?;
    let default = service.stores.orders.patience().default_deadline;
    let longest = orders.iter().map(|(_, order)| order.options.longest(default)).max().unwrap_or(default);
    let outcomes = match service.stores.orders.insert_batch_key(key, group, longest).await? {
        None => create(service, group, orders, Batch::Keyed).await,
        Some(found) => repeat(service, key, &found, orders).await?,
    };
    drop(lock);
    Ok(outcomes)
}

/// Finishes what an earlier request with the same key began, as far as it was not finished.
async fn repeat(
    service: &Arc<Service>,
    key: &IdempotencyKey,
    found: &IdempotencyRecord,
    orders: Vec<Placed<Submission>>,
) -> Result<Vec<Placed<Outcome>>, ApiError> {
    if found.fingerprint != key.fingerprint {
        return Err(ApiError::IdempotencyKeyReused);
    }
    let group = found.order_id;
    let reads = stream::iter(orders).map(|(place, submission)| async move {
        (place, submission, service.stores.orders.get(group.in_group(place)).await)
    });
    let (mut outcomes, mut missing, mut places, mut existing) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let may_complete = clock::now() < group.created_at() + COMPLETED_WITHIN;
    for (place, submission, read) in reads.buffered(CALLS_AT_ONCE).collect::<Vec<_>>().await {
        match read {
            Ok(Some(record)) => {
                let lane = record.order.priority.into();
                places.push(place);
                existing.push(NewOrder { record, lane });
            }
            Ok(None) if may_complete => missing.push((place, submission)),
            Ok(None) => outcomes.push((place, Err(ApiError::OrderExpired))),
            Err(e) => outcomes.push((place, Err(e.into()))),
        }
    }
    let failed = accept_batch::resume_all(&service.stores, &existing).await;
    let resumed = places.into_iter().zip(existing).zip(failed).map(|((place, order), failed)| async move {
        let outcome = match failed {
            Some(e) => Err(e.into()),
            None => found_again(service, order).await.map_err(ApiError::from),
        };
        (place, outcome)
    });
    outcomes.extend(stream::iter(resumed).buffered(CALLS_AT_ONCE).collect::<Vec<_>>().await);
    outcomes.extend(create(service, group, missing, Batch::Repeated).await);
    Ok(outcomes)
}

async fn found_again(service: &Service, order: NewOrder) -> Result<AcceptedOrder, Error> {
    let record = order.record.without_payload();
    let access = StatusAccess::of(service, record.order.id, record.state.eta.as_ref(), clock::now()).await?;
    Ok(AcceptedOrder { record, access, inputs: service.estimator.inputs(order.lane) })
}

async fn create(
    service: &Arc<Service>,
    group: OrderId,
    orders: Vec<Placed<Submission>>,
    batch: Batch,
) -> Vec<Placed<Outcome>> {
    let observation = service.estimator.observe().await;
    let now = clock::now();
    let orders = orders.into_iter().map(|(place, order)| (place, order.forecast(service, &observation), order));
    let drafts = stream::iter(orders).map(|(place, forecast, order)| async move {
        (place, Draft::new(service, forecast, order, group.in_group(place), now).await)
    });
    let (mut outcomes, mut new, mut given) = (Vec::new(), Vec::new(), Vec::new());
    for (place, draft) in drafts.buffered(CALLS_AT_ONCE).collect::<Vec<_>>().await {
        match draft {
            Ok(Draft { record, lane, access, inputs }) => {
                new.push(NewOrder { record, lane });
                given.push((place, access, inputs));
            }
            Err(e) => outcomes.push((place, Err(e))),
        }
    }
    let accepted = accept_batch::accept_all(&service.stores, &service.table_health, &new, batch).await;
    let mut failures = Vec::new();
    for (((place, access, inputs), NewOrder { record, lane }), accepted) in given.into_iter().zip(new).zip(accepted) {
        let outcome = match accepted {
            Ok(()) => {
                service.metrics.accepted(&record.order.labels);
                service.write_health.succeeded();
                Ok(AcceptedOrder { record: record.without_payload(), access, inputs })
            }
            Err(refused) => {
                service.write_health.failed(&refused);
                service.estimator.uncount(lane);
                failures.extend(refused.others.iter().chain([&refused.error]).cloned());
                Err(refusal(refused, batch))
            }
        };
        outcomes.push((place, outcome));
    }
    for (n, failure) in failures.iter().enumerate() {
        match n < LOGGED_MAX {
            true => service.record_aws_error("a store failed for an order of a batch", failure),
            false => service.metrics.aws_error(failure),
        }
    }
    outcomes
}

fn refusal(refused: NotAccepted, batch: Batch) -> ApiError {
    // Another server has just written its row.
    if batch == Batch::Repeated && refused.error.kind == Kind::Conflict {
        return ApiError::IdempotencyKeyInUse;
    }
    refused.into()
}
