//! Count: the end of an order of a group, in the group's row, and then the group's status object.
//!
//! The end is counted after it is published and before the order leaves the index. Whatever dies in
//! between, the order is published again by its message or by a sweeper, and its end is counted
//! then: once, because its place is put into a set. Who counts the last one publishes the group's
//! end and sends its event; if that breaks off, so does the order's own end, and it is done again.

use chrono::{DateTime, Utc};
use offload_domain::{
    event::StatusEvent, group::Group, id::OrderId, notification::notifications_of_group, order::OrderRecord,
};
use offload_service::clock;
use offload_stores::{Counted, Error, Stores};

/// Writes a new group, and its pending status object if there is none, at the same time. Both are
/// there before one of its orders is.
///
/// # Errors
/// If a call fails; nothing is done for the batch then.
pub async fn begin(stores: &Stores, group: &Group, kept_until: DateTime<Utc>) -> Result<(), Error> {
    let object = group.status_object(group.created_at);
    tokio::try_join!(stores.orders.insert_group(group, kept_until), stores.objects.create(&object)).map(drop)
}

/// Counts the end of an order, if it is of a group.
///
/// # Errors
/// If a call fails; counting again does no harm.
pub(crate) async fn count_end(stores: &Stores, record: &OrderRecord) -> Result<(), Error> {
    let Some(place) = record.order.group else { return Ok(()) };
    match stores.orders.count_end(place, record.state.status).await? {
        Counted::Now(group) if group.is_worth_publishing() => publish(stores, &group).await,
        // Who counted it may have died before it published.
        Counted::Before(group) => publish(stores, &group).await,
        Counted::Now(_) | Counted::NoGroup => Ok(()),
    }
}

/// Takes orders out of a group that were not accepted after all.
///
/// # Errors
/// If a call fails; the group counts them as open then.
pub async fn refuse(stores: &Stores, group: OrderId, places: &[u16]) -> Result<(), Error> {
    match stores.orders.count_refused(group, places).await? {
        Counted::Now(group) | Counted::Before(group) => publish(stores, &group).await,
        Counted::NoGroup => Ok(()),
    }
}

async fn publish(stores: &Stores, group: &Group) -> Result<(), Error> {
    let object = group.status_object(clock::now());
    stores.objects.overwrite(&object, None).await?;
    let Some(to) = stores.notifications.as_ref().filter(|_| object.done && group.counts().total > 0) else {
        return Ok(());
    };
    let all = notifications_of_group(&StatusEvent::of(object), &group.tenant, to.settings.broadcast());
    if all.is_empty() {
        return Ok(());
    }
    to.send_all(all, group.trace.as_ref()).await
}
