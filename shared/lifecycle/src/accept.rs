//! Accept: row, status object and message at the same time.
//!
//! A worker that gets the message before the row is there gives it back for a moment. One that ends
//! the order before the object is there creates the object, and ours is refused then. What breaks
//! off leaves an order whose entry in the index makes a sweeper finish it. Without an idempotency
//! key it is withdrawn instead, because the client will order again and must not get the work
//! twice.
//!
//! Invariants: the same idempotency key gives the same order, and another body with it changes
//! nothing. An order of which the client reads that it was taken back is never worked on.

use std::sync::atomic::{AtomicBool, Ordering};

use offload_domain::{
    idempotency::{IdempotencyKey, IdempotencyRecord},
    lane::Lane,
    order::OrderRecord,
};
use offload_service::clock;
use offload_stores::{Error, Inserted, StatusStore, Stores};

use crate::enqueue;

/// What became of a new order.
#[derive(Debug, PartialEq)]
pub enum Accepted {
    /// It is accepted.
    New,
    /// The key has given this order before, and [`resume`] finishes it. Status object and message
    /// of the id that lost stay behind: a worker drops the message, and the object expires.
    Exists(IdempotencyRecord),
}

/// The order was not accepted.
#[derive(Debug, Clone)]
pub struct NotAccepted {
    /// Why the client gets 503.
    pub error: Error,
    /// What failed at the same time.
    pub others: Vec<Error>,
    /// What the client may do.
    pub outcome: Refusal,
}

/// What a client may expect of an order that it was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It was taken back, and nobody works on it.
    TakenBack,
    /// It has a key, and asking again with it finishes the order.
    AskAgain,
    /// It could not be taken back: it may be worked on.
    Unknown,
}

/// Whether the order table fails. While it does, nothing is written for an order before its row:
/// else the queue would fill with messages of orders that do not exist.
#[derive(Debug, Default)]
pub struct TableHealth {
    failing: AtomicBool,
}

impl TableHealth {
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Takes note of a write of the table.
    pub(crate) fn set_failing(&self, failing: bool) {
        self.failing.store(failing, Ordering::Relaxed);
    }
}

/// Writes a new order, whose message goes by a lane.
///
/// # Errors
/// [`NotAccepted`].
pub async fn accept(
    stores: &Stores,
    health: &TableHealth,
    record: &OrderRecord,
    lane: Lane,
    key: Option<&IdempotencyKey>,
) -> Result<Accepted, NotAccepted> {
    let insert = async {
        let inserted = stores.orders.insert(record, key).await;
        health.set_failing(inserted.is_err());
        inserted
    };
    let (inserted, published) = if health.is_failing() {
        match insert.await {
            Ok(Inserted::New) => (Ok(Inserted::New), publish(stores, record, lane).await),
            other => (other, Vec::new()),
        }
    } else {
        tokio::join!(insert, publish(stores, record, lane))
    };
    let mut errors = published;
    match inserted {
        Ok(Inserted::KeyExists(found)) => return Ok(Accepted::Exists(found)),
        Ok(Inserted::New) if errors.is_empty() => return Ok(Accepted::New),
        Ok(Inserted::New) => {}
        Err(error) => errors.insert(0, error),
    }
    let error = errors.remove(0);
    let refused = NotAccepted { error, others: errors, outcome: Refusal::AskAgain };
    if key.is_some() {
        return Err(refused);
    }
    withdraw(stores, record, refused).await.map(|()| Accepted::New)
}

/// Takes back an order without a key of which a call failed. It is accepted after all if a worker
/// has it, which will write the object.
pub(crate) async fn withdraw(
    stores: &Stores,
    record: &OrderRecord,
    mut refused: NotAccepted,
) -> Result<(), NotAccepted> {
    refused.outcome = match stores.orders.withdraw(record).await {
        Ok(true) => Refusal::TakenBack,
        Ok(false) => return Ok(()),
        Err(error) => {
            refused.others.push(error);
            Refusal::Unknown
        }
    };
    Err(refused)
}

/// Writes the object of a pending order, if there is none, and sends its message, at the same time;
/// with what failed.
async fn publish(stores: &Stores, record: &OrderRecord, lane: Lane) -> Vec<Error> {
    let object = record.status_object(None);
    let etag = match StatusStore::etag(&object) {
        Ok(etag) => etag,
        Err(error) => return vec![error],
    };
    let (created, sent) =
        tokio::join!(stores.objects.create(&object), enqueue::send(stores, record, lane, Some(etag), clock::now()));
    [created, sent].into_iter().filter_map(Result::err).collect()
}

/// Why a key's order cannot be given again.
#[derive(Debug)]
pub enum NotResumed {
    /// The key came with another body before.
    OtherBody,
    /// The order is past its retention. Key and row were written in one transaction and expire at
    /// the same time, but DynamoDB does not delete them in the same moment.
    Expired,
    /// A call failed.
    Failed(Error),
}

impl From<Error> for NotResumed {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Finishes what an earlier request with the same key began, as far as it was not finished.
///
/// # Errors
/// [`NotResumed`].
pub async fn resume(
    stores: &Stores,
    key: &IdempotencyKey,
    found: &IdempotencyRecord,
) -> Result<OrderRecord, NotResumed> {
    if found.fingerprint != key.fingerprint {
        return Err(NotResumed::OtherBody);
    }
    let record = stores.orders.get(found.order_id).await?.ok_or(NotResumed::Expired)?;
    // Nobody knows how far the request before came. A second message does no harm.
    if record.state.revision == 1
        && let Some(error) = publish(stores, &record, record.order.priority.into()).await.into_iter().next()
    {
        return Err(error.into());
    }
    Ok(record)
}
