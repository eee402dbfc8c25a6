//! Finds orders that something fell out from under, and sets them going again or ends them.
//!
//! Safe with any number of sweepers at once: a message sent twice finds its order taken or ended, and an end is stored
//! on the revision.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    id::OrderId, message::Envelope, order::OrderRecord, problem::ends, status::Status, transition::Transition,
};
use offload_service::clock;
use offload_stores::{Conflict, DELAY_MAX, Error, Stores};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Orders taken from each of the sixteen shards in one round: a round is bounded, and the next one takes the rest.
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

/// Sweeps until `stop`, every `every` give or take a quarter, so that workers started together do not sweep together.
pub(crate) async fn run(stores: Stores, every: Duration, age: Duration, stop: CancellationToken) {
    loop {
        let wait = every.mul_f64(0.75 + 0.5 * clock::unit_random());
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(wait) => {}
        }
        match sweep(&stores, age, clock::now()).await {
            Ok(Swept { sent: 0, ended: 0, failed: 0 }) => {}
            Ok(swept) => tracing::info!(swept.sent, swept.ended, swept.failed, "swept"),
            Err(e) => tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot sweep"),
        }
    }
}

/// One round: sends what was accepted longer than `age` ago and is not known to be in the queue, and ends what has
/// passed its own deadline.
///
/// # Errors
/// If what falls due cannot be read. A fault with one order is counted and does not keep it from the others.
pub async fn sweep(stores: &Stores, age: Duration, now: DateTime<Utc>) -> Result<Swept, Error> {
    let mut swept = Swept::default();
    let before = now - TimeDelta::from_std(age).unwrap_or(TimeDelta::zero());
    for id in stores.orders.unsent(before, BATCH).await? {
        note(send(stores, id, now).await, &mut swept.sent, &mut swept.failed, id);
    }
    for id in stores.orders.overdue(now, BATCH).await? {
        note(end(stores, id, now).await, &mut swept.ended, &mut swept.failed, id);
    }
    Ok(swept)
}

fn note(done: Result<bool, Error>, count: &mut usize, failed: &mut usize, id: OrderId) {
    match done {
        Ok(true) => *count += 1,
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
    enqueue(stores, &record, now).await.map(|()| true)
}

/// Makes sure that a pending order has its object and its message, in this order, and notes it.
///
/// # Errors
/// If a call fails; the order stays due.
pub async fn enqueue(stores: &Stores, record: &OrderRecord, now: DateTime<Utc>) -> Result<(), Error> {
    let order = &record.order;
    if record.state.status == Status::Pending {
        // The api may have died before the object stood; a redriven order's object still shows its failure. Of a new order
        // its 202 tells.
        if record.state.revision > 1 {
            stores.show(record, None, None).await?;
        } else {
            stores.objects.publish(&record.status_object(None), None).await?;
        }
    }
    let mut envelope = Envelope::new(order.id, None);
    envelope.not_before = order.not_before;
    let delay = order.not_before.and_then(|at| (at - now).to_std().ok()).unwrap_or_default();
    stores.queue.send(&envelope, delay.min(DELAY_MAX), order.traceparent.as_deref()).await?;
    stores.orders.mark_enqueued(order.id, record.own_deadline()).await
}

/// Ends an order whose deadline has passed, whether it waits, runs or hangs. A worker that still runs it loses it.
async fn end(stores: &Stores, id: OrderId, now: DateTime<Utc>) -> Result<bool, Error> {
    let Some(record) = stores.orders.get(id).await? else { return Ok(false) };
    if record.own_deadline().is_none_or(|at| at > now) {
        return Ok(false);
    }
    fail(stores, &record, ends::deadline_exceeded()).await
}

/// Ends an order as failed, if nobody else has ended or changed it meanwhile, and shows it.
pub(crate) async fn fail(
    stores: &Stores,
    record: &OrderRecord,
    error: offload_domain::problem::Problem,
) -> Result<bool, Error> {
    let Ok(state) = record.state.apply(Transition::Fail { error }, clock::now()) else { return Ok(false) };
    let record = match stores.orders.store(record.order.id, &state, None).await {
        Ok(record) => record,
        // A worker was faster; if the order still is due, the next round sees it.
        Err(Conflict::Changed(_)) => return Ok(false),
        Err(Conflict::Failed(e)) => return Err(e),
    };
    show(stores, &record).await.map(|()| true)
}

/// Shows an ended order. If S3 is down, a message is left to have a worker do it.
async fn show(stores: &Stores, record: &OrderRecord) -> Result<(), Error> {
    if let Err(e) = stores.show(record, None, None).await {
        let message = Envelope::new(record.order.id, None);
        stores.queue.send(&message, Duration::ZERO, record.order.traceparent.as_deref()).await?;
        tracing::warn!(order.id = %record.order.id, error.kind = e.kind.as_str(), error.cause = %e.source,
            "cannot show an ended order; a worker will");
    }
    Ok(())
}
