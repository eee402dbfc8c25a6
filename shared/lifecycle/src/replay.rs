//! Replay: sends the last event of an order to its webhook again, as an operator asks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use offload_domain::{
    event::StatusEvent,
    notification::{Notification, Target},
    order::OrderRecord,
};
use offload_stores::{Error, Stores};

use crate::publish;

/// What became of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// The event of this revision is on its way.
    Sent(u64),
    /// The order names no webhook, or this deployment sends none.
    NoWebhook,
}

/// Sends the event of an order as it is, with the id that it had before, so that its receiver
/// recognises it. A result that is an object of its own gets a URL that works for `result_url_ttl`.
///
/// # Errors
/// If a call fails; the event may have been sent then.
pub async fn replay(
    stores: &Stores,
    record: &OrderRecord,
    result_url_ttl: Duration,
    now: DateTime<Utc>,
) -> Result<Replayed, Error> {
    let (Some(to), Some(url)) = (&stores.notifications, record.order.callbacks.webhook_url.clone()) else {
        return Ok(Replayed::NoWebhook);
    };
    let object = publish::status_object(stores, record, result_url_ttl, now).await?;
    let event = StatusEvent::of(record.with_labels(object));
    let revision = event.revision;
    let notification = Notification::new(Target::Webhook { url }, event, record.order.tenant.clone());
    to.send(&notification, Duration::ZERO, record.order.trace.as_ref()).await?;
    Ok(Replayed::Sent(revision))
}
