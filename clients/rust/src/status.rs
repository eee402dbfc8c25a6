//! The status object.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::problem::Problem;

/// The status of an order. The last three are final: an order that has one keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
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
    /// Ended at the client's request.
    Cancelled,
}

impl Status {
    /// The status as in JSON.
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

/// How far the work is, as the processor reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Progress {
    /// 0 to 100.
    pub percent: u8,
    /// What is being done.
    pub message: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// When an order is expected to be done, on the service's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct EtaWindow {
    /// The median.
    pub at: DateTime<Utc>,
    /// The 10th percentile.
    pub earliest_at: DateTime<Utc>,
    /// The 90th percentile.
    pub latest_at: DateTime<Utc>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// How the orders of a group have ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
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
    /// Members that this version does not know.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The status object, as it is stored in S3.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct StatusObject {
    /// The order.
    pub id: String,
    /// Its status.
    pub status: Status,
    /// Whether the status is final.
    pub done: bool,
    /// Grows with every change; an object with a smaller one is older.
    pub revision: u64,
    /// 1; one more each time that an operator redrove the order after it had failed.
    #[serde(default = "first_generation")]
    pub generation: u32,
    /// How often a worker has started the work.
    pub attempt: u32,
    /// When the order was accepted.
    pub created_at: DateTime<Utc>,
    /// When this revision was written.
    pub updated_at: DateTime<Utc>,
    /// When a worker first started the work.
    pub started_at: Option<DateTime<Utc>>,
    /// When the order got its final status.
    pub finished_at: Option<DateTime<Utc>>,
    /// How far the work is, if the processor reports it.
    pub progress: Option<Progress>,
    /// When the order should be done.
    pub eta: Option<EtaWindow>,
    /// How long to wait from `updated_at` before the next poll, in milliseconds.
    pub poll_after_ms: Option<u64>,
    /// The result, if it is small.
    pub result: Option<Value>,
    /// A presigned URL of the result, if it is large: a secret.
    pub result_url: Option<String>,
    /// When `result_url` expires.
    pub result_url_expires_at: Option<DateTime<Utc>>,
    /// Why the order failed.
    pub error: Option<Problem>,
    /// The order at the api, which gives fresh URLs for the order token.
    pub renew: String,
    /// The order's labels, in what the api reports; the object in S3 has none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Of a group of orders alone: how they have ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<GroupCounts>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

fn first_generation() -> u32 {
    1
}

impl fmt::Debug for StatusObject {
    /// Without the result, whose URL is a secret, and without members that may be secrets.
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
