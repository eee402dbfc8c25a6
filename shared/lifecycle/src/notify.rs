//! Notify: one message to the queue of notifications for each subscriber of an order's change.
//!
//! Invariant: the event of a final status is sent after its status object is stored, and before the
//! order's message is deleted, so that no crash in between loses it; it may be sent twice. Events
//! of a running order need no object of their own, and may be ahead of it.

use std::time::Duration;

use offload_domain::{
    event::StatusEvent,
    notification::{Notification, Target, notifications},
    order::OrderRecord,
    status::StatusObject,
};
use offload_service::clock;
use offload_stores::{Error, Stores};

/// Sends a record's event: one notification to each target. Does nothing where there is no queue of
/// notifications.
///
/// # Errors
/// If a call fails; some notifications may have been sent then.
pub async fn notify(stores: &Stores, record: &OrderRecord, object: StatusObject) -> Result<(), Error> {
    let Some(to) = &stores.notifications else { return Ok(()) };
    let connections = match record.subscribed {
        true => stores.orders.subscribers(record.order.id, clock::now()).await?,
        false => Vec::new(),
    };
    let connections = connections.into_iter().map(Into::into);
    let event = StatusEvent::of(record.with_labels(object));
    let all: Vec<Notification> = notifications(&event, connections, &record.order, to.settings.broadcast());
    if all.is_empty() {
        return Ok(());
    }
    to.send_all(all, record.order.trace.as_ref()).await
}

/// Sends a heartbeat to the Step Functions task that waits for an order, if one does.
///
/// # Errors
/// If the call fails.
pub async fn heartbeat(stores: &Stores, record: &OrderRecord) -> Result<(), Error> {
    let (Some(to), Some(token)) = (&stores.notifications, record.order.callbacks.task_token.clone()) else {
        return Ok(());
    };
    let event = StatusEvent::of(record.with_labels(record.status_object(None)));
    let beat = Notification::new(Target::Task { token }, event, record.order.tenant.clone());
    to.send(&beat, Duration::ZERO, record.order.trace.as_ref()).await
}
