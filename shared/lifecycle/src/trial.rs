//! Trial: sends a test event to a receiver of webhooks, as an operator asks.

use std::time::Duration;

use chrono::{DateTime, Utc};
use offload_domain::{
    event::StatusEvent,
    id::OrderId,
    notification::{Notification, Target},
    tenant::Tenant,
};
use offload_stores::{Error, Stores};

/// Sends an event of no order on the way of every webhook: by the queue, signed, to where webhooks
/// may go, once. What came of it is stored as the delivery of an order with this id, which there is
/// not; `renew` is where it would be. Whether this deployment notifies anybody.
///
/// # Errors
/// If the call fails; the event may have been sent then.
pub async fn try_webhook(
    stores: &Stores,
    tenant: &Tenant,
    url: String,
    (id, renew): (OrderId, String),
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let Some(to) = &stores.notifications else { return Ok(false) };
    let event = StatusEvent::test(id, renew, now);
    let notification = Notification::new(Target::Webhook { url }, event, tenant.clone());
    to.send(&notification, Duration::ZERO, None).await?;
    Ok(true)
}
