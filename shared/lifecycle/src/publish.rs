//! Publish: the status object first, then its event.
//!
//! Invariant: a status object never goes back (`StatusStore::overwrite`). A writer that publishes a
//! status also sends its event, unless the table's stream does.

use std::time::Duration;

use chrono::{DateTime, Utc};
use offload_domain::{message::Envelope, order::OrderRecord, status::StatusObject};
use offload_service::clock;
use offload_stores::{Error, Overwritten, Stores};

use crate::notify::notify;

/// How long the presigned URL of a result works that a status object links.
pub type ResultUrlTtl = Duration;

/// Overwrites the status object with what the record says, unless it is newer already, and sends
/// the event. `etag` is the `ETag` that the caller believes the object to have.
///
/// For a record without a result in S3; [`publish_end`] links one.
///
/// # Errors
/// If a call fails. The object may be written then; publishing again does no harm.
pub async fn publish(stores: &Stores, record: &OrderRecord, etag: Option<&str>) -> Result<Overwritten, Error> {
    overwrite_and_notify(stores, record, record.status_object(None), etag).await
}

/// The same for an order that has ended, whose result may be in S3.
///
/// # Errors
/// As [`publish`], or if the result's URL cannot be signed.
pub async fn publish_end(
    stores: &Stores,
    record: &OrderRecord,
    ttl: ResultUrlTtl,
    etag: Option<&str>,
) -> Result<Overwritten, Error> {
    let object = status_object(stores, record, ttl, clock::now()).await?;
    overwrite_and_notify(stores, record, object, etag).await
}

/// Publishes an order that was ended without a worker. The table has decided already: if S3 is
/// down, a message is left for a worker, which finds the order ended and publishes it. The order's
/// own message may be far away, or was never sent.
///
/// # Errors
/// If the message cannot be sent either: the first error is that of publishing.
pub async fn publish_or_leave_message(stores: &Stores, record: &OrderRecord) -> Result<Published, Error> {
    let Err(error) = publish(stores, record, None).await else { return Ok(Published::Stored) };
    let message = Envelope::new(record.order.id, None);
    stores.queue.send(&message, Duration::ZERO, record.order.traceparent.as_deref()).await?;
    Ok(Published::LeftToAWorker(error))
}

/// How far [`publish_or_leave_message`] came.
#[derive(Debug)]
pub enum Published {
    /// The status object is stored and its event is sent.
    Stored,
    /// One of them failed for this reason. A message makes a worker do it.
    LeftToAWorker(Error),
}

/// The status object of a record, with a fresh URL of its result if that is in S3.
///
/// # Errors
/// If the URL cannot be signed.
pub async fn status_object(
    stores: &Stores,
    record: &OrderRecord,
    ttl: ResultUrlTtl,
    now: DateTime<Utc>,
) -> Result<StatusObject, Error> {
    let result = match record.result_key() {
        // Boxed: a call has a large future, which an open connection would make room for all the
        // time.
        Some(key) => Some(Box::pin(stores.presigner.get(key, ttl, now)).await?),
        None => None,
    };
    Ok(record.status_object(result))
}

async fn overwrite_and_notify(
    stores: &Stores,
    record: &OrderRecord,
    object: StatusObject,
    etag: Option<&str>,
) -> Result<Overwritten, Error> {
    let overwritten = stores.objects.overwrite(&object, etag).await?;
    if stores.notifications.as_ref().is_some_and(|n| n.settings.by_writers) {
        notify(stores, record, object).await?;
    }
    Ok(overwritten)
}
