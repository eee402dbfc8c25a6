//! What a client reads of an order.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Problem;

/// Where an order stands. The last three are final: an order that has one keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// Ended because somebody asked for it.
    Cancelled,
}

impl Status {
    /// The word that stands in JSON.
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

/// How far the work is, by its own account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// 0 to 100.
    pub percent: u8,
    /// What is being done.
    pub message: Option<String>,
}

/// When an order is expected to be done, on the service's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EtaWindow {
    /// The median.
    pub at: DateTime<Utc>,
    /// The 10th percentile.
    pub earliest_at: DateTime<Utc>,
    /// The 90th percentile.
    pub latest_at: DateTime<Utc>,
}

/// The status object. Members that are added to it later are ignored.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusObject {
    /// The order.
    pub id: String,
    /// Where it stands.
    pub status: Status,
    /// Whether that is its end.
    pub done: bool,
    /// Grows with every change; an object with a smaller one is older.
    pub revision: u64,
    /// 1; one more each time that an operator gave the order, which had failed, another chance.
    #[serde(default = "first")]
    pub generation: u32,
    /// How often a worker has started the work.
    #[serde(default)]
    pub attempt: u32,
    /// When the order was accepted.
    pub created_at: DateTime<Utc>,
    /// When this revision was made.
    pub updated_at: DateTime<Utc>,
    /// When a worker first started the work.
    pub started_at: Option<DateTime<Utc>>,
    /// When the order ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// How far the work is, if it tells.
    pub progress: Option<Progress>,
    /// When it should be done.
    pub eta: Option<EtaWindow>,
    /// How long to wait from `updated_at` before the next look, in milliseconds.
    pub poll_after_ms: Option<u64>,
    /// The result, if it is small.
    pub result: Option<Value>,
    /// A presigned URL of the result, if it is large.
    pub result_url: Option<String>,
    /// Until when that works.
    pub result_url_expires_at: Option<DateTime<Utc>>,
    /// Why the order failed.
    pub error: Option<Problem>,
}

fn first() -> u32 {
    1
}

impl fmt::Debug for StatusObject {
    /// Without the result, whose URL is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusObject")
            .field("id", &self.id)
            .field("status", &self.status)
            .field("revision", &self.revision)
            .field("attempt", &self.attempt)
            .field("progress", &self.progress)
            .field("eta", &self.eta)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

/// What the service itself says of an order: its status, and a fresh URL.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusView {
    /// The status object.
    #[serde(flatten)]
    pub object: StatusObject,
    /// Where the object stands: a presigned URL.
    pub status_url: String,
    /// Until when that works.
    pub status_url_expires_at: Option<DateTime<Utc>>,
}

impl fmt::Debug for StatusView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.object.fmt(f)
    }
}
