//! Settling a delivery: deleting its message, or changing when it becomes visible again.

use rusqlite::Connection;
use serde::Deserialize;
use serde_json::{Value, json};

use super::batch;
use super::context::RequestContext;
use super::error::SqsError;
use super::receipt::Receipt;
use crate::clock::Millis;
use crate::store::messages::{self, Delivery};

const MAX_VISIBILITY_SECONDS: Millis = 43_200;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteMessage {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
}

pub(super) async fn delete(context: &RequestContext<'_>, request: DeleteMessage) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    let handle = request.receipt_handle.ok_or_else(|| SqsError::missing("ReceiptHandle"))?;
    let receipt = Receipt::decode(&handle, queue.id)?;
    context
        .sqs
        .store
        .run(|connection| messages::delete(connection, receipt.queue, receipt.message, receipt.delivery))
        .await?;
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteMessageBatch {
    queue_url: Option<String>,
    #[serde(default)]
    entries: Vec<DeleteEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteEntry {
    id: String,
    receipt_handle: String,
}

pub(super) async fn delete_batch(context: &RequestContext<'_>, request: DeleteMessageBatch) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    batch::check_ids(request.entries.iter().map(|entry| entry.id.as_str()))?;
    let outcomes = context
        .sqs
        .store
        .write(|transaction| {
            let delete = |handle: &str| {
                let receipt = Receipt::decode(handle, queue.id)?;
                messages::delete(transaction, receipt.queue, receipt.message, receipt.delivery)?;
                Ok(json!({}))
            };
            Ok::<_, SqsError>(
                request.entries.into_iter().map(|entry| (entry.id, delete(&entry.receipt_handle))).collect(),
            )
        })
        .await?;
    Ok(batch::response(outcomes))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeMessageVisibility {
    queue_url: Option<String>,
    receipt_handle: Option<String>,
    visibility_timeout: Option<Millis>,
}

pub(super) async fn change_visibility(
    context: &RequestContext<'_>,
    request: ChangeMessageVisibility,
) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    let handle = request.receipt_handle.ok_or_else(|| SqsError::missing("ReceiptHandle"))?;
    let seconds = request.visibility_timeout.ok_or_else(|| SqsError::missing("VisibilityTimeout"))?;
    let now = context.sqs.clock.now();
    context.sqs.store.write(|transaction| change(transaction, queue.id, &handle, seconds, now)).await?;
    context.sqs.long_polls.wake(queue.id);
    Ok(json!({}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeMessageVisibilityBatch {
    queue_url: Option<String>,
    #[serde(default)]
    entries: Vec<ChangeEntry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangeEntry {
    id: String,
    receipt_handle: String,
    #[serde(default)]
    visibility_timeout: Millis,
}

pub(super) async fn change_visibility_batch(
    context: &RequestContext<'_>,
    request: ChangeMessageVisibilityBatch,
) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    batch::check_ids(request.entries.iter().map(|entry| entry.id.as_str()))?;
    let now = context.sqs.clock.now();
    let outcomes = context
        .sqs
        .store
        .write(|transaction| {
            let outcome = |entry: &ChangeEntry| {
                change(transaction, queue.id, &entry.receipt_handle, entry.visibility_timeout, now).map(|()| json!({}))
            };
            Ok::<_, SqsError>(request.entries.into_iter().map(|entry| (entry.id.clone(), outcome(&entry))).collect())
        })
        .await?;
    context.sqs.long_polls.wake(queue.id);
    Ok(batch::response(outcomes))
}

fn change(connection: &Connection, queue: i64, handle: &str, seconds: Millis, now: Millis) -> Result<(), SqsError> {
    let receipt = Receipt::decode(handle, queue)?;
    let delivery = messages::delivery(connection, queue, receipt.message)?;
    let visible = changed(delivery, receipt, handle, seconds, now)?;
    Ok(messages::set_visible(connection, receipt.message, visible)?)
}

/// Pure: when a delivery becomes visible, if it may be changed at all.
fn changed(
    delivery: Option<Delivery>,
    receipt: Receipt,
    handle: &str,
    seconds: Millis,
    now: Millis,
) -> Result<Millis, SqsError> {
    if !(0..=MAX_VISIBILITY_SECONDS).contains(&seconds) {
        return Err(SqsError::invalid(format!(
            "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and {MAX_VISIBILITY_SECONDS}."
        )));
    }
    let Some(delivery) = delivery.filter(|delivery| delivery.receipt == receipt.delivery) else {
        return Err(SqsError::invalid(format!(
            "Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."
        )));
    };
    if delivery.visible <= now {
        return Err(SqsError::not_in_flight());
    }
    let visible = now + seconds * 1000;
    if visible - delivery.received > MAX_VISIBILITY_SECONDS * 1000 {
        return Err(SqsError::invalid(format!(
            "Value {seconds} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [{MAX_VISIBILITY_SECONDS} seconds]."
        )));
    }
    Ok(visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIPT: Receipt = Receipt { queue: 1, message: 2, delivery: 3 };

    fn change_to(delivery: Option<Delivery>, seconds: Millis, now: Millis) -> Result<Millis, String> {
        changed(delivery, RECEIPT, "handle", seconds, now).map_err(|error| error.code)
    }

    #[test]
    fn only_the_delivery_in_flight_can_be_changed() {
        let current = Delivery { receipt: 3, received: 0, visible: 30_000 };
        assert_eq!(change_to(Some(current), 60, 10_000), Ok(70_000));
        assert_eq!(change_to(Some(current), 0, 10_000), Ok(10_000));
        assert_eq!(change_to(Some(current), 60, 30_000), Err("AWS.SimpleQueueService.MessageNotInflight".to_owned()));
        assert_eq!(
            change_to(Some(Delivery { receipt: 4, ..current }), 60, 10_000),
            Err("InvalidParameterValue".to_owned())
        );
        assert_eq!(change_to(None, 60, 10_000), Err("InvalidParameterValue".to_owned()));
    }

    #[test]
    fn visibility_is_twelve_hours_at_most() {
        let current = Delivery { receipt: 3, received: 0, visible: 43_200_000 };
        assert_eq!(change_to(Some(current), 43_200, 0), Ok(43_200_000));
        assert!(change_to(Some(current), 43_201, 0).is_err());
        assert!(change_to(Some(current), 43_200, 1).is_err());
        assert!(change_to(Some(current), -1, 0).is_err());
    }
}
