//! Requests to SQS and its answers, as its JSON protocol has them.

use std::collections::HashMap;

use offload_domain::trace::TraceContext;
use serde::{Deserialize, Serialize};

/// A batch takes ten messages at most. Ten of ours are far below the size of a batch.
pub(super) const BATCH_MAX: usize = 10;

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendMessage<'a> {
    /// Absent in an entry of a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) queue_url: Option<&'a str>,
    pub(super) message_body: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) delay_seconds: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_group_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message_attributes: Option<TraceAttributes<'a>>,
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html>
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendMessageBatch<'a> {
    pub(super) queue_url: &'a str,
    pub(super) entries: Vec<BatchEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchEntry<'a> {
    pub(super) id: &'a str,
    #[serde(flatten)]
    pub(super) message: SendMessage<'a>,
}

/// The answer to a batch. What is not in it was taken.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchAnswer {
    pub(super) failed: Option<Vec<RefusedEntry>>,
}

/// An entry that SQS refused.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RefusedEntry {
    pub(super) id: String,
    pub(super) sender_fault: bool,
    pub(super) code: String,
}

#[derive(Serialize)]
pub(super) struct TraceAttributes<'a> {
    traceparent: TraceAttribute<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracestate: Option<TraceAttribute<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct TraceAttribute<'a> {
    data_type: &'static str,
    string_value: &'a str,
}

impl<'a> TraceAttributes<'a> {
    pub(super) fn of(trace: &'a TraceContext) -> Self {
        let attribute = |string_value| TraceAttribute { data_type: "String", string_value };
        Self { traceparent: attribute(&trace.parent), tracestate: trace.state.as_deref().map(attribute) }
    }
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html>
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiveMessage<'a> {
    pub(super) queue_url: &'a str,
    pub(super) max_number_of_messages: i32,
    pub(super) wait_time_seconds: i32,
    pub(super) visibility_timeout: i32,
    pub(super) message_system_attribute_names: [&'static str; 1],
    pub(super) message_attribute_names: [&'static str; 2],
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Received {
    pub(super) messages: Option<Vec<Message>>,
}

/// Without a receipt handle nothing can be done with a message; SQS always gives one.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Message {
    #[serde(default)]
    pub(super) message_id: String,
    pub(super) receipt_handle: String,
    #[serde(default)]
    pub(super) body: String,
    #[serde(default)]
    pub(super) attributes: HashMap<String, String>,
    pub(super) message_attributes: Option<ReceivedAttributes>,
}

#[derive(Deserialize)]
pub(super) struct ReceivedAttributes {
    traceparent: Option<ReceivedAttribute>,
    tracestate: Option<ReceivedAttribute>,
}

impl ReceivedAttributes {
    /// The trace context, if it is one.
    pub(super) fn trace(&self) -> Option<TraceContext> {
        let text = |attribute: &'_ Option<ReceivedAttribute>| attribute.as_ref()?.string_value.clone();
        TraceContext::read(&text(&self.traceparent)?, text(&self.tracestate).as_deref())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReceivedAttribute {
    string_value: Option<String>,
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html>
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteMessage<'a> {
    pub(super) queue_url: &'a str,
    pub(super) receipt_handle: &'a str,
}

/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html>
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteMessageBatch<'a> {
    pub(super) queue_url: &'a str,
    pub(super) entries: Vec<DeleteEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteEntry<'a> {
    pub(super) id: String,
    pub(super) receipt_handle: &'a str,
}
