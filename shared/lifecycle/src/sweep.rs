//! Sweep: finds orders that a crash left behind, and sends them again or ends them.
//!
//! Safe with any number of sweepers at once: a message sent twice finds its order claimed or ended,
//! and an end is stored on the revision.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    id::OrderId,
    order::OrderRecord,
    problem::{Problem, ends},
    transition::Transition,
};
use offload_service::clock;
use offload_stores::{Conflict, Error, Stores};

use crate::{
    enqueue,
    publish::{Published, publish_or_leave_message},
};

/// Orders taken from each of the sixteen shards in one round: a round is bounded, and the next one
/// takes the rest.
const BATCH: u16 = 100;

/// What a round did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Orders whose message was sent.
    pub sent: usize,
    /// Orders that were ended because their deadline has passed.
    pub ended: usize,
    /// Orders that a fault kept from either; the next round tries again.
    pub failed: usize,
}

/// One round: sends what was accepted longer than `age` ago and is not known to be in the queue,
/// and ends what has passed its own deadline.
///
/// # Errors
/// If the index cannot be read. A fault with one order is counted and does not keep it from the
/// others.
pub async fn sweep(stores: &Stores, age: Duration, now: DateTime<Utc>) -> Result<Swept, Error> {
    let mut swept = Swept::default();
    let before = now - TimeDelta::from_std(age).unwrap_or(TimeDelta::zero());
    for id in stores.orders.unsent(before, BATCH).await? {
        count(send(stores, id, now).await, &mut swept.sent, &mut swept.failed, id);
    }
    for id in stores.orders.overdue(now, BATCH).await? {
        count(end(stores, id, now).await, &mut swept.ended, &mut swept.failed, id);
    }
    Ok(swept)
}

fn count(done: Result<bool, Error>, done_count: &mut usize, failed: &mut usize, id: OrderId) {
    match done {
        Ok(true) => *done_count += 1,
        // Somebody else was faster.
        Ok(false) => {}
        Err(e) => {
            *failed += 1;
            tracing::warn!(order.id = %id, error.kind = e.kind.as_str(), error.cause = %e.source, "cannot sweep an order");
        }
    }
}

/// Sends the message of an order whose api did not get that far, or could not note that it did.
async fn send(stores: &Stores, id: OrderId, now: DateTime<Utc>) -> Result<bool, Error> {
    // The index is a little behind the table, so the row decides.
    let Some(record) = stores.orders.get(id).await?.filter(|r| !r.enqueued && !r.state.status.is_final()) else {
        return Ok(false);
    };
    enqueue::again(stores, &record, now).await.map(|()| true)
}

/// Ends an order whose deadline has passed, whether it waits, runs or hangs. A worker that still
/// runs it loses it.
async fn end(stores: &Stores, id: OrderId, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(record) = stores.orders.get(id).await? else { return Ok(false) };
    if record.own_deadline().is_none_or(|at| at > now) {
        return Ok(false);
    }
    fail(stores, &record, ends::deadline_exceeded()).await
}

/// Ends an order as failed, if nobody else has ended or changed it meanwhile, and publishes it.
async fn fail(stores: &Stores, record: &OrderRecord, error: Problem) -> Result<bool, Error> {
    let Ok(state) = record.state.apply(Transition::Fail { error }, clock::now()) else { return Ok(false) };
    let record = match stores.orders.store(record.order.id, &state, None).await {
        Ok(record) => record,
        // A worker was faster; if the order still is due, the next round sees it.
        Err(Conflict::Changed(_)) => return Ok(false),
        Err(Conflict::Failed(e)) => return Err(e),
    };
    if let Published::LeftToAWorker(e) = publish_or_leave_message(stores, &record).await? {
        tracing::warn!(order.id = %record.order.id, error.kind = e.kind.as_str(), error.cause = %e.source,
            "cannot publish an ended order; a worker will");
    }
    Ok(true)
}
