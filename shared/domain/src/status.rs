//! The status object: what a client reads from S3.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    id::OrderId, json_text::JsonText, labels::Labels, printable::printable, problem::Problem, time::rfc3339_millis,
};

/// The largest result in the status object itself, in bytes of JSON. A larger one is linked.
pub const INLINE_RESULT_MAX_BYTES: usize = 8 * 1024;

/// The longest progress message, in characters: with it, the rest of a status object stays under 2
/// KiB.
pub const PROGRESS_MESSAGE_MAX_CHARS: usize = 200;

/// The longest detail of an error in a status object, in characters.
pub const ERROR_DETAIL_MAX_CHARS: usize = 500;

/// The status of an order. The last three are final: an order that has one keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Accepted, waiting for a worker.
    Pending,
    /// A worker has it.
    Processing,
    /// Done, with a result.
    Completed,
    /// Ended without a result; `error` says why.
    Failed,
    /// Ended because the client asked for it.
    Cancelled,
}

impl Status {
    /// Whether the order keeps this status for ever.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// The word in JSON and in DynamoDB.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// How far the work is, by the processor's own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProgressReport {
    /// 0 to 100.
    pub percent: u8,
    /// What is being done, at most [`PROGRESS_MESSAGE_MAX_CHARS`] characters.
    pub message: Option<String>,
}

impl ProgressReport {
    /// A report within its bounds: the percentage is cut to 100, the message to its longest, and
    /// what could steer a terminal is taken out of it.
    #[must_use]
    pub fn new(percent: u8, message: Option<&str>) -> Self {
        Self { percent: percent.min(100), message: message.map(|m| printable(&cut(m, PROGRESS_MESSAGE_MAX_CHARS))) }
    }
}

/// How the orders of a group have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupCounts {
    /// Orders that were accepted.
    pub total: u32,
    /// Of them, those that were completed.
    pub completed: u32,
    /// Those that failed.
    pub failed: u32,
    /// Those that were cancelled.
    pub cancelled: u32,
    /// Those that have not ended.
    pub open: u32,
}

/// When the order is expected to be done, as absolute times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EtaWindow {
    /// The median.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub at: DateTime<Utc>,
    /// The 10th percentile.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub earliest_at: DateTime<Utc>,
    /// The 90th percentile.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub latest_at: DateTime<Utc>,
}

/// The small JSON object in S3. Anyone with its URL can read it, so nothing of the order's payload
/// is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StatusObject {
    /// The order.
    #[schema(value_type = String, format = "uuid")]
    pub id: OrderId,
    /// Its status.
    pub status: Status,
    /// Whether `status` is final: the client can stop polling.
    pub done: bool,
    /// Grows with every change; an object with a smaller one is older.
    pub revision: u64,
    /// 1; one more each time that an operator gave the order, which had failed, another chance.
    /// Within a generation a final status never changes.
    #[serde(default = "first_generation")]
    pub generation: u32,
    /// How often a worker has started the work, in this generation.
    pub attempt: u32,
    /// When the order was accepted.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: DateTime<Utc>,
    /// When this revision was made.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: DateTime<Utc>,
    /// When a worker first started the work.
    #[serde(with = "rfc3339_millis::option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<DateTime<Utc>>,
    /// When the order got its final status.
    #[serde(with = "rfc3339_millis::option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<DateTime<Utc>>,
    /// How far the work is, if the processor reports it.
    pub progress: Option<ProgressReport>,
    /// When it should be done; `null` once it is.
    pub eta: Option<EtaWindow>,
    /// How long to wait from `updated_at` before the next poll, in milliseconds; `null` once done.
    pub poll_after_ms: Option<u64>,
    /// The result, if it is small: as the processor wrote it.
    #[schema(value_type = Option<serde_json::Value>)]
    pub result: Option<JsonText>,
    /// A presigned GET URL of the result, if it is large.
    pub result_url: Option<String>,
    /// Until when `result_url` works; `GET {renew}` gives a fresh one.
    #[serde(with = "rfc3339_millis::option", default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub result_url_expires_at: Option<DateTime<Utc>>,
    /// Why the order failed.
    pub error: Option<Problem>,
    /// Where the service itself answers for this order, and renews URLs (with the order token).
    pub renew: String,
    /// The order's labels. In events and in answers of the service only: the object in S3 can be
    /// read by anyone who has its URL, and has none.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    #[schema(value_type = std::collections::BTreeMap<String, String>, required = false)]
    pub labels: Labels,
    /// Of a group of orders alone: how they have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = GroupCounts, required = false)]
    pub counts: Option<GroupCounts>,
}

fn first_generation() -> u32 {
    1
}

/// The first `max` characters of a text.
#[must_use]
pub fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => text[..end].to_owned(),
        None => text.to_owned(),
    }
}
