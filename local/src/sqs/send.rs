//! Sending, one message or a batch.

use serde::Deserialize;
use serde_json::{Value, json};

use super::batch;
use super::context::RequestContext;
use super::error::SqsError;
use super::message::{self, Attributes};
use super::settings::MAX_MESSAGE_BYTES;
use crate::store::StoreError;
use crate::store::messages::{self, NewMessage};
use crate::store::queues::Queue;

const MAX_DELAY_SECONDS: u32 = 900;
const TRACE_HEADER: &str = "AWSTraceHeader";

/// What one message and one entry of a batch have in common.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Draft {
    message_body: Option<String>,
    delay_seconds: Option<u32>,
    message_group_id: Option<String>,
    #[serde(default)]
    message_attributes: Attributes,
    #[serde(default)]
    message_system_attributes: Attributes,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendMessage {
    queue_url: Option<String>,
    #[serde(flatten)]
    draft: Draft,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendMessageBatch {
    queue_url: Option<String>,
    #[serde(default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    id: String,
    #[serde(flatten)]
    draft: Draft,
}

/// A checked message, its size, and the response to its sender.
struct Checked {
    message: NewMessage,
    bytes: usize,
    response: Value,
}

pub(super) async fn one(context: &RequestContext<'_>, request: SendMessage) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    let Checked { message, response, .. } = check(request.draft, &queue, context.caller.user_id())?;
    let now = context.sqs.clock.now();
    context.sqs.store.run(|connection| messages::insert(connection, queue.id, &message, now)).await.map_err(gone)?;
    context.sqs.long_polls.wake(queue.id);
    Ok(response)
}

pub(super) async fn batch(context: &RequestContext<'_>, request: SendMessageBatch) -> Result<Value, SqsError> {
    let queue = context.sqs.queue_by_url(request.queue_url).await?;
    batch::check_ids(request.entries.iter().map(|entry| entry.id.as_str()))?;
    let checked: Vec<(String, Result<Checked, SqsError>)> = request
        .entries
        .into_iter()
        .map(|entry| match context.sqs.faults.entry_fails("SendMessageBatch") {
            true => (entry.id, Err(SqsError::internal())),
            false => (entry.id, check(entry.draft, &queue, context.caller.user_id())),
        })
        .collect();
    let bytes: usize = checked.iter().filter_map(|(_, checked)| Some(checked.as_ref().ok()?.bytes)).sum();
    let limit = usize::try_from(MAX_MESSAGE_BYTES).unwrap_or(usize::MAX);
    if bytes > limit {
        return Err(SqsError::batch_too_long(limit, bytes));
    }
    let now = context.sqs.clock.now();
    context
        .sqs
        .store
        .write(|transaction| -> Result<(), StoreError> {
            for checked in checked.iter().filter_map(|(_, checked)| checked.as_ref().ok()) {
                messages::insert(transaction, queue.id, &checked.message, now)?;
            }
            Ok(())
        })
        .await
        .map_err(gone)?;
    context.sqs.long_polls.wake(queue.id);
    Ok(batch::response(
        checked.into_iter().map(|(id, checked)| (id, checked.map(|checked| checked.response))).collect(),
    ))
}

/// The queue was deleted after the request had found it.
fn gone(error: StoreError) -> SqsError {
    if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) {
        SqsError::no_such_queue()
    } else {
        error.into()
    }
}

fn is_group_id(id: &str) -> bool {
    (1..=128).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}

fn check(draft: Draft, queue: &Queue, sender: &str) -> Result<Checked, SqsError> {
    let body = draft.message_body.ok_or_else(|| SqsError::missing("MessageBody"))?;
    let bytes = message::size(&body, &draft.message_attributes)?;
    let limit = queue.settings.max_message_bytes;
    if bytes > usize::try_from(limit).unwrap_or(usize::MAX) {
        return Err(SqsError::invalid(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
        )));
    }
    let delay_seconds = draft.delay_seconds.unwrap_or(queue.settings.delay_seconds);
    if delay_seconds > MAX_DELAY_SECONDS {
        return Err(SqsError::invalid(format!(
            "Value {delay_seconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= {MAX_DELAY_SECONDS}."
        )));
    }
    if let Some(name) = draft.message_system_attributes.keys().find(|name| *name != TRACE_HEADER) {
        return Err(SqsError::invalid(format!("Message system attribute name '{name}' is invalid.")));
    }
    if draft.message_group_id.as_deref().is_some_and(|id| !is_group_id(id)) {
        return Err(SqsError::invalid(
            "The message group ID can contain alphanumeric characters and punctuation, 1 to 128 of them.",
        ));
    }
    let message_id = uuid::Uuid::new_v4().to_string();
    let mut response = json!({ "MessageId": message_id, "MD5OfMessageBody": message::body_md5(&body) });
    if let Some(md5) = message::attributes_md5(&draft.message_attributes) {
        response["MD5OfMessageAttributes"] = md5.into();
    }
    if let Some(md5) = message::attributes_md5(&draft.message_system_attributes) {
        response["MD5OfMessageSystemAttributes"] = md5.into();
    }
    let trace_header =
        draft.message_system_attributes.into_values().next().and_then(|attribute| attribute.string_value);
    let message = NewMessage {
        message_id,
        sender: sender.to_owned(),
        body,
        attributes: draft.message_attributes,
        trace_header,
        tenant: draft.message_group_id,
        delay_seconds,
    };
    Ok(Checked { message, bytes, response })
}
