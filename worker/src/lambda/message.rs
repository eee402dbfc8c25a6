//! A message of SQS as an event contains it.

use aws_lambda_events::sqs::SqsMessage;
use offload_stores::{Queue, ReceivedMessage};

/// The message's id, by which it is reported. An id of no message makes Lambda send the whole batch
/// again, which is harmless.
pub(super) fn message_id(message: &SqsMessage) -> String {
    message.message_id.clone().unwrap_or_default()
}

/// The message; `None` if it cannot be settled, which never happens.
pub(super) fn delivered(message: SqsMessage) -> Option<ReceivedMessage> {
    let attributes = &message.message_attributes;
    let trace = Queue::trace_of(|name| attributes.get(name)?.string_value.as_deref());
    Some(ReceivedMessage {
        message_id: message.message_id?,
        receipt: message.receipt_handle?,
        body: message.body.unwrap_or_default(),
        receive_count: message.attributes.get("ApproximateReceiveCount").and_then(|n| n.parse().ok()).unwrap_or(1),
        trace,
    })
}
