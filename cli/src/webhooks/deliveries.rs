//! Deliveries of webhooks: lists them, and sends an event again.

use std::time::Duration;

use offload_domain::{id::OrderId, notification::Notification};
use offload_lifecycle::replay::{self, Replayed};
use offload_service::clock;
use offload_stores::{DeliveryLog, Stores};
use serde_json::{Value, json};

use crate::{failure::Failure, output, stores::unreachable};

/// Dead letters that are read: ten in a call.
const READS: usize = 10;
/// How long other readers do not see the dead letters that are listed.
const HIDDEN_FOR: Duration = Duration::from_secs(5);
/// How long the URL of a large result works in an event that is sent again.
const RESULT_URL_TTL: Duration = Duration::from_secs(86_400);

/// Prints the deliveries of an order.
pub(super) async fn list(stores: &Stores, id: OrderId, as_json: bool) -> Result<(), Failure> {
    let deliveries = stores.orders.deliveries(id).await.map_err(unreachable)?;
    if as_json {
        return output::json(&json!({"order": id, "deliveries": deliveries}).to_string());
    }
    let line = |log: &DeliveryLog| {
        let last = log.attempts.last();
        let answer = last.and_then(|a| Some(a.error.clone().unwrap_or(a.status?.to_string()))).unwrap_or_default();
        let (state, attempts) = (json!(log.state), log.attempts.len());
        format!("{id}/{}  {}  attempts {attempts}  {answer}", log.revision, state.as_str().unwrap_or_default())
    };
    output::result(&deliveries.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// Prints notifications that became dead letters.
pub(super) async fn list_dead(stores: &Stores, as_json: bool) -> Result<(), Failure> {
    let queue = stores.notifications.as_ref().and_then(|notifications| notifications.dead_letters.as_ref());
    let queue = queue.ok_or_else(|| {
        Failure::Usage(
            "OFFLOAD_NOTIFICATIONS_QUEUE_URL and OFFLOAD_NOTIFICATIONS_DEAD_LETTER_QUEUE_URL are missing".to_owned(),
        )
    })?;
    let mut dead = Vec::new();
    for _ in 0..READS {
        let letters = queue.receive(10, Duration::ZERO, HIDDEN_FOR).await.map_err(unreachable)?;
        if letters.is_empty() {
            break;
        }
        dead.extend(letters.iter().filter_map(|letter| serde_json::from_str::<Notification>(&letter.body).ok()));
    }
    let entry = |n: &Notification| {
        json!({
            "order": n.event.subject, "revision": n.event.revision, "channel": n.target.channel(),
            "tenant": n.tenant, "attempts": n.attempts, "time": n.event.time,
        })
    };
    if as_json {
        return output::json(&json!({"dead_letters": dead.iter().map(entry).collect::<Vec<Value>>()}).to_string());
    }
    let line =
        |n: &Notification| format!("{}  {}  {}  attempts {}", n.event.id, n.target.channel(), n.tenant, n.attempts);
    output::result(&dead.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// Sends the last event of an order again.
pub(super) async fn replay(stores: &Stores, id: OrderId) -> Result<(), Failure> {
    let record = stores.orders.get(id).await.map_err(unreachable)?;
    let record = record.ok_or_else(|| Failure::Refused(format!("there is no order {id}")))?;
    match replay::replay(stores, &record, RESULT_URL_TTL, clock::now()).await.map_err(unreachable)? {
        Replayed::Sent(revision) => output::result(&format!("{id}/{revision}  sent")),
        Replayed::NoWebhook => {
            Err(Failure::Refused(format!("order {id} names no webhook, or OFFLOAD_NOTIFICATIONS_QUEUE_URL is missing")))
        }
    }
}
