//! Accept many orders: the same writes as for one, in as few calls as AWS allows.
//!
//! A hundred rows go by one transaction, ten messages by one call; each object has a call of its
//! own. They are made at the same time, as for one order, and each order has its own result: what
//! failed is withdrawn, and the others are accepted.
//!
//! A transaction and not `BatchWriteItem`, which knows no conditions: a try of it that arrives late
//! would put a pending order in the place of one that has ended since.

use std::{collections::HashMap, time::Duration};

use futures_util::{StreamExt as _, stream};
use offload_domain::{lane::Lane, order::OrderRecord};
use offload_service::clock;
use offload_stores::{Error, Kind, Outgoing, StatusStore, Stores};
use tokio::time::{Instant, timeout_at};

use crate::{
    accept::{NotAccepted, Refusal, TableHealth, withdraw},
    enqueue::message,
};

/// Objects that are written at once, and orders that are withdrawn at once.
const CALLS_AT_ONCE: usize = 64;
/// The longest that all writes may take, and then all withdrawals: less than a gateway waits.
const WRITES_MAX: Duration = Duration::from_secs(12);
const WITHDRAWALS_MAX: Duration = Duration::from_secs(6);

/// A new order, and the lane by which its message goes.
#[derive(Debug)]
pub struct NewOrder {
    /// The order.
    pub record: OrderRecord,
    /// Its lane.
    pub lane: Lane,
}

/// How a batch is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// It has no idempotency key: orders that fail are withdrawn.
    Unkeyed,
    /// It has a key: orders that fail are left, and the repeated request finishes them.
    Keyed,
    /// It was sent before: these are the orders that have no row yet.
    Repeated,
}

/// Writes new orders. What became of each, in their order.
pub async fn accept_all(
    stores: &Stores,
    health: &TableHealth,
    orders: &[NewOrder],
    batch: Batch,
) -> Vec<Result<(), NotAccepted>> {
    let deadline = Instant::now() + WRITES_MAX;
    let all: Vec<usize> = (0..orders.len()).collect();
    let mut errors: Vec<Vec<Error>> = vec![Vec::new(); orders.len()];
    let rows = insert(stores, orders, batch, deadline);
    // A row that the batch's first request wrote meanwhile must not get a second message here.
    let published = if health.is_failing() || batch == Batch::Repeated {
        let inserted = rows.await;
        let there: Vec<usize> = all.into_iter().filter(|n| inserted[*n].is_ok()).collect();
        take(&mut errors, inserted.into_iter().enumerate());
        publish(stores, orders, &there, deadline).await
    } else {
        let (inserted, published) = tokio::join!(rows, publish(stores, orders, &all, deadline));
        take(&mut errors, inserted.into_iter().enumerate());
        published
    };
    health.set_failing(errors.iter().flatten().any(|e| e.operation.starts_with("dynamodb.") && e.is_transient()));
    take(&mut errors, published.into_iter());
    conclude(stores, orders, batch, errors).await
}

/// Finishes orders whose rows an earlier request with the same key has written, as far as that is
/// not done. What failed of each, in their order.
pub async fn resume_all(stores: &Stores, orders: &[NewOrder]) -> Vec<Option<Error>> {
    let unclaimed: Vec<usize> = (0..orders.len()).filter(|n| orders[*n].record.state.revision == 1).collect();
    let published = publish(stores, orders, &unclaimed, Instant::now() + WRITES_MAX).await;
    let mut errors = vec![Vec::new(); orders.len()];
    take(&mut errors, published.into_iter());
    errors.into_iter().map(|of_order| of_order.into_iter().next()).collect()
}

async fn insert(stores: &Stores, orders: &[NewOrder], batch: Batch, deadline: Instant) -> Vec<Result<(), Error>> {
    if batch != Batch::Repeated {
        let records: Vec<_> = orders.iter().map(|order| &order.record).collect();
        let inserted = timeout_at(deadline, stores.orders.insert_all(&records)).await;
        return inserted.unwrap_or_else(|_| vec![Err(late("dynamodb.TransactWriteItems")); orders.len()]);
    }
    let inserts = stream::iter(0..orders.len()).map(|n| async move {
        let inserted = timeout_at(deadline, stores.orders.insert_missing(&orders[n].record)).await;
        inserted.unwrap_or_else(|_| Err(late("dynamodb.PutItem")))
    });
    inserts.buffered(CALLS_AT_ONCE).collect().await
}

/// Writes the objects of pending orders, where there are none, and sends their messages, at the
/// same time; with what failed.
async fn publish(
    stores: &Stores,
    orders: &[NewOrder],
    places: &[usize],
    deadline: Instant,
) -> Vec<(usize, Result<(), Error>)> {
    let mut results = Vec::new();
    let (mut objects, mut by_lane) = (Vec::with_capacity(places.len()), HashMap::<_, Vec<_>>::new());
    let now = clock::now();
    for place in places {
        let NewOrder { record, lane } = &orders[*place];
        let object = record.status_object(None);
        match StatusStore::etag(&object) {
            Ok(etag) => {
                by_lane.entry(*lane).or_default().push((*place, message(record, Some(etag), now)));
                objects.push((*place, object));
            }
            Err(error) => results.push((*place, Err(error))),
        }
    }
    let creates = stream::iter(objects).map(|(place, object)| async move {
        let created = timeout_at(deadline, stores.objects.create(&object)).await;
        (place, created.unwrap_or_else(|_| Err(late("s3.PutObject"))))
    });
    // All of a batch have the trace of its request.
    let trace = places.first().and_then(|n| orders[*n].record.order.trace.as_ref());
    let sends = stream::iter(by_lane).map(|(lane, messages)| async move {
        let outgoing: Vec<_> =
            messages.iter().map(|(_, (message, delay))| Outgoing { message, delay: *delay }).collect();
        let sent = timeout_at(deadline, stores.order_queues.of(lane).send_each(&outgoing, trace)).await;
        let sent = sent.unwrap_or_else(|_| vec![Err(late("sqs.SendMessageBatch")); messages.len()]);
        messages.iter().map(|(place, _)| *place).zip(sent).collect::<Vec<_>>()
    });
    let (created, sent) = tokio::join!(
        creates.buffer_unordered(CALLS_AT_ONCE).collect::<Vec<_>>(),
        sends.buffer_unordered(Lane::ALL.len()).collect::<Vec<_>>()
    );
    results.extend(created);
    results.extend(sent.into_iter().flatten());
    results
}

/// The result of each order, by what failed of it.
async fn conclude(
    stores: &Stores,
    orders: &[NewOrder],
    batch: Batch,
    errors: Vec<Vec<Error>>,
) -> Vec<Result<(), NotAccepted>> {
    let deadline = Instant::now() + WITHDRAWALS_MAX;
    let conclusions = stream::iter(errors.into_iter().enumerate()).map(|(n, mut errors)| async move {
        if errors.is_empty() {
            return Ok(());
        }
        let error = errors.remove(0);
        let refused = NotAccepted { error, others: errors, outcome: Refusal::AskAgain };
        if batch != Batch::Unkeyed {
            return Err(refused);
        }
        let unknown = NotAccepted { outcome: Refusal::Unknown, ..refused.clone() };
        timeout_at(deadline, withdraw(stores, &orders[n].record, refused)).await.unwrap_or(Err(unknown))
    });
    conclusions.buffered(CALLS_AT_ONCE).collect().await
}

fn take(errors: &mut [Vec<Error>], results: impl Iterator<Item = (usize, Result<(), Error>)>) {
    for (place, result) in results {
        errors[place].extend(result.err());
    }
}

fn late(operation: &'static str) -> Error {
    Error::new(Kind::Unavailable, operation, "not done within the time of the whole batch")
}
