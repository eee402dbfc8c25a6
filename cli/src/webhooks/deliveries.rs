//! Deliveries of webhooks: lists them, and sends an event again.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use offload_domain::{id::OrderId, notification::Notification, order::OrderRecord, status::Status, tenant::Tenant};
use offload_lifecycle::replay::{self, Replayed};
use offload_service::clock;
use offload_stores::{DeliveryLog, Error, Stores};
use serde_json::{Value, json};

use crate::{dlq::confirm, failure::Failure, filter::Found, output, render::count, stores::unreachable};

/// Dead letters that are read: ten in a call.
const READS: usize = 10;
/// How long other readers do not see the dead letters that are listed.
const HIDDEN_FOR: Duration = Duration::from_secs(5);
/// How long the URL of a large result works in an event that is sent again.
const RESULT_URL_TTL: Duration = Duration::from_secs(86_400);
/// Orders whose deliveries are read at once.
const READS_AT_ONCE: usize = 8;
const NO_WEBHOOK: &str = "names no webhook, or OFFLOAD_NOTIFICATIONS_QUEUE_URL is missing";

/// Prints the deliveries of an order.
pub(super) async fn list(stores: &Stores, id: OrderId, as_json: bool) -> Result<(), Failure> {
    let deliveries = stores.orders.deliveries(id).await.map_err(unreachable)?;
    if as_json {
        return output::json(&json!({"order": id, "deliveries": deliveries}).to_string());
    }
    output::result(&lines(id, &deliveries).join("\n"))
}

/// Prints the deliveries of the orders of a filter that name a webhook.
pub(super) async fn list_found(stores: &Stores, found: Found, as_json: bool) -> Result<(), Failure> {
    let found = with_webhook(found);
    let read = |record: &OrderRecord| {
        let (id, tenant, status) = (record.order.id, record.order.tenant.clone(), record.state.status);
        async move { stores.orders.deliveries(id).await.map(|deliveries| (id, tenant, status, deliveries)) }
    };
    let read: Vec<_> = found.orders.iter().map(read).collect();
    let read: Result<Vec<_>, _> = stream::iter(read).buffered(READS_AT_ONCE).try_collect().await;
    let read = read.map_err(unreachable)?;
    if as_json {
        let order = |(id, tenant, status, deliveries): &(OrderId, Tenant, Status, Vec<DeliveryLog>)| json!({"order": id, "tenant": tenant, "status": status, "deliveries": deliveries});
        let orders: Vec<Value> = read.iter().map(order).collect();
        return output::json(&json!({"orders": orders, "searched": found.searched, "next": found.next}).to_string());
    }
    let of_order = |(id, _, _, deliveries): &(OrderId, Tenant, Status, Vec<DeliveryLog>)| match &**deliveries {
        [] => vec![format!("{id}  nothing delivered yet")],
        deliveries => lines(*id, deliveries),
    };
    let text: String = read.iter().flat_map(of_order).map(|line| line + "\n").collect();
    output::result(&(text + &found.summary()))
}

/// Those that name a webhook.
fn with_webhook(found: Found) -> Found {
    let orders = found.orders.into_iter().filter(|record| record.order.callbacks.webhook_url.is_some()).collect();
    Found { orders, ..found }
}

fn lines(id: OrderId, deliveries: &[DeliveryLog]) -> Vec<String> {
    let line = |log: &DeliveryLog| {
        let last = log.attempts.last();
        let answer = last.and_then(|a| Some(a.error.clone().unwrap_or(a.status?.to_string()))).unwrap_or_default();
        let (state, attempts) = (json!(log.state), log.attempts.len());
        format!("{id}/{}  {}  attempts {attempts}  {answer}", log.revision, state.as_str().unwrap_or_default())
    };
    deliveries.iter().map(line).collect()
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
pub(super) async fn replay(stores: &Stores, id: OrderId, dry_run: bool, as_json: bool) -> Result<(), Failure> {
    let record = stores.orders.get(id).await.map_err(unreachable)?;
    let record = record.ok_or_else(|| Failure::Refused(format!("there is no order {id}")))?;
    if dry_run {
        return print_dry(&record, as_json);
    }
    match send(stores, &record).await.map_err(unreachable)? {
        Replayed::Sent(revision) => print_sent(id, revision, as_json),
        Replayed::NoWebhook => Err(Failure::Refused(format!("order {id} {NO_WEBHOOK}"))),
    }
}

/// The same for the orders of a filter that name a webhook, after a confirmation.
pub(super) async fn replay_found(
    stores: &Stores,
    found: Found,
    (dry_run, yes): (bool, bool),
    as_json: bool,
) -> Result<(), Failure> {
    let found = with_webhook(found);
    if dry_run {
        found.orders.iter().try_for_each(|record| print_dry(record, as_json))?;
        output::message(&found.summary());
        return Ok(());
    }
    if found.orders.is_empty() {
        return Err(Failure::Refused(format!("nothing was sent: {}", found.summary())));
    }
    if !yes {
        confirm(&format!("send the last event of {} again?", count(found.orders.len() as u64, "order")))?;
    }
    let mut failed = 0;
    for record in &found.orders {
        let id = record.order.id;
        match send(stores, record).await {
            Ok(Replayed::Sent(revision)) => print_sent(id, revision, as_json)?,
            Ok(Replayed::NoWebhook) => return Err(Failure::Refused(format!("order {id} {NO_WEBHOOK}"))),
            Err(e) => {
                failed += 1;
                output::message(&format!("{id}  {e}"));
            }
        }
    }
    output::message(&found.summary());
    match failed {
        0 => Ok(()),
        failed => Err(Failure::Unreachable(format!("{failed} events could not be sent; run the command again"))),
    }
}

async fn send(stores: &Stores, record: &OrderRecord) -> Result<Replayed, Error> {
    replay::replay(stores, record, RESULT_URL_TTL, clock::now()).await
}

fn print_sent(id: OrderId, revision: u64, as_json: bool) -> Result<(), Failure> {
    if as_json {
        return output::json(&json!({"id": id, "revision": revision, "outcome": "sent"}).to_string());
    }
    output::result(&format!("{id}/{revision}  sent"))
}

fn print_dry(record: &OrderRecord, as_json: bool) -> Result<(), Failure> {
    let (id, revision) = (record.order.id, record.state.revision);
    if as_json {
        return output::json(&json!({"id": id, "revision": revision, "outcome": "dry run"}).to_string());
    }
    output::result(&format!("{id}/{revision}  would be sent"))
}
