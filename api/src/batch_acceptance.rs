//! What a request for many orders does: it locks its idempotency key, estimates each order in its
//! place, and has all of them accepted.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use offload_domain::{
    group::{Group, GroupPlace},
    id::OrderId,
    idempotency::{IdempotencyKey, IdempotencyRecord},
    status::EtaWindow,
};
use offload_lifecycle::{
    accept::NotAccepted,
    accept_batch::{self, Batch, NewOrder},
    group as lifecycle_group,
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

/// What became of a batch.
#[derive(Debug)]
pub(crate) struct AcceptedBatch {
    /// The group of the orders that were accepted, if there are any.
    pub(crate) group: Option<Group>,
    /// What became of each order, in their order.
    pub(crate) outcomes: Vec<Outcome>,
}

/// An order with its place in its batch.
type InBatch<T> = (u16, T);

/// What became of the orders that have passed the checks.
struct Written {
    group: Option<Group>,
    outcomes: Vec<InBatch<Outcome>>,
}

/// Accepts the orders of a batch that have passed the checks, or finds those that its key gave
/// before. What became of each, in their order.
///
/// # Errors
/// If nothing could be done for any of them.
pub(crate) async fn accept(service: &Arc<Service>, batch: BatchSubmission) -> Result<AcceptedBatch, ApiError> {
    let BatchSubmission { key, orders } = batch;
    let mut group = None;
    let (mut outcomes, mut valid) = (Vec::with_capacity(orders.len()), Vec::with_capacity(orders.len()));
    for (place, order) in (0..).zip(orders) {
        match order {
            Ok(submission) => valid.push((place, submission)),
            Err(e) => outcomes.push((place, Err(e))),
        }
    }
    if !valid.is_empty() {
        service.know_the_time().await?;
        let new = OrderId::new(clock::now());
        let accepted = match &key {
            Some(key) => accept_keyed(service, key, new, valid).await?,
            None => create(service, new, valid, Batch::Unkeyed).await?,
        };
        outcomes.extend(accepted.outcomes);
        outcomes.sort_unstable_by_key(|(place, _)| *place);
        group = accepted.group.filter(|_| outcomes.iter().any(|(_, outcome)| outcome.is_ok()));
    }
    Ok(AcceptedBatch { group, outcomes: outcomes.into_iter().map(|(_, outcome)| outcome).collect() })
}

async fn accept_keyed(
    service: &Arc<Service>,
    key: &IdempotencyKey,
    group: OrderId,
    orders: Vec<InBatch<Submission>>,
) -> Result<Written, ApiError> {
    let lock = service.key_locks.lock(&key.hash, KEY_WAIT_MAX).await.ok_or(ApiError::IdempotencyKeyInUse)?;
    let longest = longest(service, &orders);
    let written = match service.stores.orders.insert_batch_key(key, group, longest).await? {
        None => create(service, group, orders, Batch::Keyed).await?,
        Some(found) => repeat(service, key, &found, orders).await?,
    };
    drop(lock);
    Ok(written)
}

/// The longest that one of the orders may take.
fn longest(service: &Service, orders: &[InBatch<Submission>]) -> Duration {
    let default = service.stores.orders.patience().default_deadline;
    orders.iter().map(|(_, order)| order.options.longest(default)).max().unwrap_or(default)
}

/// Finishes what an earlier request with the same key began, as far as it was not finished.
async fn repeat(
    service: &Arc<Service>,
    key: &IdempotencyKey,
    found: &IdempotencyRecord,
    orders: Vec<InBatch<Submission>>,
) -> Result<Written, ApiError> {
    if found.fingerprint != key.fingerprint {
        return Err(ApiError::IdempotencyKeyReused);
    }
    let group = found.order_id;
    let known = service.stores.orders.group(group).await?;
    let may_complete = clock::now() < group.created_at() + COMPLETED_WITHIN;
    if known.is_none() {
        // Its first request broke off before there was anything but the key.
        return if may_complete {
            create(service, group, orders, Batch::Repeated).await
        } else {
            Err(ApiError::OrderExpired)
        };
    }
    let reads = stream::iter(orders).map(|(place, submission)| async move {
        (place, submission, service.stores.orders.get(group.in_group(place)).await)
    });
    let (mut outcomes, mut missing, mut places, mut existing) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
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
    outcomes.extend(write(service, group, missing, Batch::Repeated).await);
    Ok(Written { group: known, outcomes })
}

async fn found_again(service: &Service, order: NewOrder) -> Result<AcceptedOrder, Error> {
    let record = order.record.without_payload();
    let access = StatusAccess::of(service, record.order.id, record.state.eta.as_ref(), clock::now()).await?;
    Ok(AcceptedOrder { record, access, inputs: service.estimator.inputs(order.lane) })
}

/// Writes the group of new orders, and then the orders.
async fn create(
    service: &Arc<Service>,
    group: OrderId,
    orders: Vec<InBatch<Submission>>,
    batch: Batch,
) -> Result<Written, ApiError> {
    let longest = longest(service, &orders);
    let drafted = draft(service, group, orders).await;
    let Some((_, first)) = drafted.drafts.first() else {
        return Ok(Written { group: None, outcomes: drafted.refused });
    };
    let now = clock::now();
    let latest = |of: fn(&EtaWindow) -> DateTime<Utc>| {
        drafted.drafts.iter().filter_map(|(_, draft)| draft.record.state.eta.as_ref().map(of)).max().unwrap_or(now)
    };
    let group = Group {
        id: group,
        tenant: first.record.order.tenant.clone(),
        created_at: now,
        eta: EtaWindow {
            at: latest(|eta| eta.at),
            earliest_at: latest(|eta| eta.earliest_at),
            latest_at: latest(|eta| eta.latest_at),
        },
        renew: service.public.group(group),
        trace: first.record.order.trace.clone(),
        orders: u32::try_from(drafted.drafts.len()).unwrap_or(u32::MAX),
        refused: 0,
        completed: 0,
        failed: 0,
        cancelled: 0,
    };
    lifecycle_group::begin(&service.stores, &group, now + longest + service.stores.orders.retention()).await?;
    let outcomes = write_drafts(service, group.id, drafted, batch).await;
    Ok(Written { group: Some(group), outcomes })
}

async fn write(
    service: &Arc<Service>,
    group: OrderId,
    orders: Vec<InBatch<Submission>>,
    batch: Batch,
) -> Vec<InBatch<Outcome>> {
    let drafted = draft(service, group, orders).await;
    write_drafts(service, group, drafted, batch).await
}

/// Orders that are about to be written, and those to whose status objects no access can be given.
struct Drafted {
    drafts: Vec<InBatch<Draft>>,
    refused: Vec<InBatch<Outcome>>,
}

async fn draft(service: &Arc<Service>, group: OrderId, orders: Vec<InBatch<Submission>>) -> Drafted {
    let observation = service.estimator.observe().await;
    let now = clock::now();
    let orders = orders.into_iter().map(|(place, order)| (place, order.forecast(service, &observation), order));
    let drafts = stream::iter(orders).map(|(place, forecast, order)| async move {
        let id = (group.in_group(place), Some(GroupPlace { group, place }));
        (place, Draft::new(service, forecast, order, id, now).await)
    });
    let mut drafted = Drafted { drafts: Vec::new(), refused: Vec::new() };
    for (place, draft) in drafts.buffered(CALLS_AT_ONCE).collect::<Vec<_>>().await {
        match draft {
            Ok(draft) => drafted.drafts.push((place, draft)),
            Err(e) => drafted.refused.push((place, Err(e))),
        }
    }
    drafted
}

async fn write_drafts(service: &Arc<Service>, group: OrderId, drafted: Drafted, batch: Batch) -> Vec<InBatch<Outcome>> {
    let Drafted { drafts, refused: mut outcomes } = drafted;
    let (mut new, mut given) = (Vec::with_capacity(drafts.len()), Vec::with_capacity(drafts.len()));
    for (place, Draft { record, lane, access, inputs }) in drafts {
        new.push(NewOrder { record, lane });
        given.push((place, access, inputs));
    }
    let accepted = accept_batch::accept_all(&service.stores, &service.table_health, &new, batch).await;
    let (mut failures, mut left_out) = (Vec::new(), Vec::new());
    for (((place, access, inputs), NewOrder { record, lane }), accepted) in given.into_iter().zip(new).zip(accepted) {
        let outcome = match accepted {
            Ok(()) => {
                service.metrics.accepted(&record.order.labels);
                service.admin.count_accepted(record.order.created_at);
                service.write_health.succeeded();
                Ok(AcceptedOrder { record: record.without_payload(), access, inputs })
            }
            Err(refused) => {
                service.write_health.failed(&refused);
                service.estimator.uncount(lane);
                left_out.push(place);
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
    // With a key they are of the group: the repeated request accepts them.
    if batch == Batch::Unkeyed
        && !left_out.is_empty()
        && let Err(e) = lifecycle_group::refuse(&service.stores, group, &left_out).await
    {
        service.record_aws_error("orders that were refused still count as open in their group", &e);
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
