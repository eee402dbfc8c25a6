//! Publish: the status object, and its event: an end first in the object, and while an order runs
//! at the same time.
//!
//! Invariants: a status object never goes back (`StatusStore::overwrite`). A writer that publishes
//! a status also sends its event, unless the table's stream does. The event of an end is sent after
//! its object is stored. An order leaves the index only after its end is published.

use std::time::Duration;

use chrono::{DateTime, Utc};
use offload_domain::{order::OrderRecord, status::StatusObject};
use offload_service::clock;
use offload_stores::{Error, Overwritten, Stores};

use crate::{group::count_end, notify::notify};

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

/// Notifies the subscribers of a running order, whatever its status object says.
///
/// # Errors
/// If a call fails; some notifications may have been sent then.
pub async fn notify_running(stores: &Stores, record: &OrderRecord) -> Result<(), Error> {
    send_event(stores, record, record.status_object(None)).await
}

/// Overwrites the status object of a running order, unless it is newer already, and sends the event
/// at the same time.
///
/// # Errors
/// As [`publish`].
pub async fn publish_running(stores: &Stores, record: &OrderRecord, etag: Option<&str>) -> Result<Overwritten, Error> {
    let object = record.status_object(None);
    let (overwritten, notified) = tokio::join!(stores.objects.overwrite(&object, etag), notify_running(stores, record));
    // An `ETag` that is not learned costs the next overwrite two calls more; so the event's failure
    // comes second.
    let overwritten = overwritten?;
    notified.map(|()| overwritten)
}

/// Overwrites the status object of an order that has ended, whose result may be in S3, and then
/// sends the event. Then counts it in its group, and takes the order out of the index: only now can
/// it be forgotten.
///
/// # Errors
/// As [`publish`], or if the result's URL cannot be signed. A sweeper publishes the end if nobody
/// else does.
pub async fn publish_end(
    stores: &Stores,
    record: &OrderRecord,
    ttl: ResultUrlTtl,
    etag: Option<&str>,
) -> Result<(), Error> {
    let object = status_object(stores, record, ttl, clock::now()).await?;
    overwrite_and_notify(stores, record, object, etag).await?;
    count_end(stores, record).await?;
    stores.orders.settle(record).await
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
    send_event(stores, record, object).await?;
    Ok(overwritten)
}

async fn send_event(stores: &Stores, record: &OrderRecord, object: StatusObject) -> Result<(), Error> {
    if stores.notifications.as_ref().is_some_and(|n| n.settings.by_writers) {
        notify(stores, record, object).await?;
    }
    Ok(())
}
