//! Accept: row and status object at the same time, then the message.
//!
//! The message comes after both, so that a worker always finds them. What breaks off in between
//! leaves an order in the table's outbox: with an idempotency key the client's retry finishes it,
//! and without one it is withdrawn, because the client will order again and must not get the work
//! twice.
//!
//! Invariant: the same idempotency key gives the same order, and another body with it changes
//! nothing.

use offload_domain::{
    idempotency::{IdempotencyKey, IdempotencyRecord},
    order::OrderRecord,
};
use offload_service::clock;
use offload_stores::{Error, Inserted, Stores};

use crate::enqueue;

/// What became of a new order.
#[derive(Debug, PartialEq)]
pub enum Accepted {
    /// Row, object and message are written. [`enqueue::mark`] is left to do.
    New,
    /// The key has given this order before, and [`resume`] finishes it. The status object of the id
    /// that lost stays behind, unknown to everybody, until its lifecycle rule removes it.
    Exists(IdempotencyRecord),
}

/// The order was not accepted.
#[derive(Debug)]
pub struct NotAccepted {
    /// Why the client gets 503.
    pub error: Error,
    /// What failed at the same time.
    pub object_error: Option<Error>,
}

/// Writes a new order.
///
/// # Errors
/// [`NotAccepted`]: some of it may be written. Without a key the caller must [`withdraw`] it.
pub async fn accept(
    stores: &Stores,
    record: &OrderRecord,
    key: Option<&IdempotencyKey>,
) -> Result<Accepted, NotAccepted> {
    let object = record.status_object(None);
    let (inserted, created) = tokio::join!(stores.orders.insert(record, key), stores.objects.create(&object));
    let failed = |error| NotAccepted { error, object_error: None };
    let etag = match (inserted, created) {
        (Ok(Inserted::KeyExists(found)), _) => return Ok(Accepted::Exists(found)),
        (Ok(Inserted::New), created) => created.map_err(failed)?,
        (Err(error), created) => return Err(NotAccepted { error, object_error: created.err() }),
    };
    enqueue::send(stores, record, etag, clock::now()).await.map_err(failed)?;
    Ok(Accepted::New)
}

/// An order that a key gave before.
#[derive(Debug)]
pub struct Resumed {
    /// The order as it is.
    pub record: OrderRecord,
    /// Whether its message was sent now, which leaves [`enqueue::mark`] to do.
    pub sent: bool,
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
pub async fn resume(stores: &Stores, key: &IdempotencyKey, found: &IdempotencyRecord) -> Result<Resumed, NotResumed> {
    if found.fingerprint != key.fingerprint {
        return Err(NotResumed::OtherBody);
    }
    let record = stores.orders.get(found.order_id).await?.ok_or(NotResumed::Expired)?;
    let mut etag = None;
    if record.state.revision == 1 {
        // Also if the message was sent: the sweeper may have sent it before the object was there.
        etag = stores.objects.create(&record.status_object(None)).await?;
    }
    let sent = !record.enqueued && !record.state.status.is_final();
    if sent {
        enqueue::send(stores, &record, etag, clock::now()).await?;
    }
    Ok(Resumed { record, sent })
}

/// Takes back an order whose client gets 503 and has no key to ask again with, unless a worker has
/// it already.
///
/// # Errors
/// If the call fails; the order may be worked on then.
pub async fn withdraw(stores: &Stores, record: &OrderRecord) -> Result<(), Error> {
    stores.orders.withdraw(record.order.id).await
}
