//! An order as the api reports it.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    receipt::{Links, StatusAccess},
    status::StatusObject,
};

/// An order as the api reports it: its status object, with fresh URLs.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct StatusView {
    /// The status object. It keeps the members of the view that this version does not know, too.
    #[serde(flatten)]
    pub object: StatusObject,
    /// The presigned URL of the status object in S3: a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url: Option<String>,
    /// When `status_url` expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url_expires_at: Option<DateTime<Utc>>,
    /// Credentials for the status object, from a service that gives them in place of `status_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_access: Option<StatusAccess>,
    /// The order's token: a secret. Only in a response to the submission itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_token: Option<String>,
    /// The same without cancelling: a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_token: Option<String>,
    /// Until when both tokens work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_expires_at: Option<DateTime<Utc>>,
    /// The latest deliveries to the order's webhook, newest first, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deliveries: Option<Vec<Delivery>>,
    /// A presigned URL of the log of the work, where the operator shares logs: a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_url: Option<String>,
    /// When `log_url` expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_url_expires_at: Option<DateTime<Utc>>,
    /// The order's other addresses.
    pub links: Links,
}

/// The delivery of one event to one channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Delivery {
    /// The channel: `webhook`.
    pub channel: String,
    /// The revision of the event.
    pub revision: u64,
    /// `delivered`, `retrying`, `gone` or `given_up`.
    pub state: String,
    /// Every attempt, first to last.
    pub attempts: Vec<DeliveryAttempt>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// One attempt at a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct DeliveryAttempt {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The HTTP status code of the response, if there was one.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl fmt::Debug for StatusView {
    /// The status object alone: the rest holds secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.object.fmt(f)
    }
}
