//! Changes of the order table, by its stream: each becomes an event.

use offload_lifecycle::notify::notify;
use offload_stores::{OrderTable, Stores};
use serde_json::Value;

use super::event::Change;

/// Publishes the events of changes, in their order. Returns the first change that must come again:
/// Lambda sends it and all that are behind it.
pub(super) async fn publish(stores: &Stores, changes: Vec<Change>) -> Vec<String> {
    for change in changes {
        let revision = |image: Option<&Value>| image?["revision"]["N"].as_str()?.parse::<u64>().ok();
        let (before, after) = (revision(change.before.as_ref()), revision(change.after.as_ref()));
        // A renewed lease or a new subscriber changes the row and not the order. And the 202 of a
        // new order is its first event.
        if after.is_none_or(|after| after <= 1) || before == after {
            continue;
        }
        let record = match change.after.as_ref().and_then(OrderTable::of_image) {
            Some(Ok(record)) => record,
            Some(Err(e)) => {
                // It will not become readable; another try would delay all that are behind it.
                tracing::error!(error.cause = %e.source, "a row of the table's stream cannot be read");
                continue;
            }
            None => continue,
        };
        if let Err(e) = notify(stores, &record, record.status_object(None)).await {
            tracing::warn!(order.id = %record.order.id, error.kind = e.kind.as_str(), error.cause = %e.source,
                "cannot publish the event of a change");
            return vec![change.sequence_number];
        }
    }
    Vec::new()
}
