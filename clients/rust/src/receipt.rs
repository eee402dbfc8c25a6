//! The receipt of an order: all that is needed to wait for it.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::status::Status;

/// The response to a submission. Plain JSON, to be stored and used by any client; `id` and
/// `order_token` alone suffice.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Receipt {
    /// The order.
    pub id: String,
    /// The capability for this order: a secret.
    pub order_token: String,
    /// The same without cancelling, for those who only wait: a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_token: Option<String>,
    /// Until when both tokens work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_expires_at: Option<DateTime<Utc>>,
    /// `pending`, unless a repeated submission found its order further on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The presigned URL of the status object in S3: a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url: Option<String>,
    /// When `status_url` expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url_expires_at: Option<DateTime<Utc>>,
    /// Credentials for the status object, from a service that gives them in place of `status_url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_access: Option<StatusAccess>,
    /// When the order should be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<ReceiptEta>,
    /// When to poll first, in milliseconds from the response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_after_ms: Option<u64>,
    /// The order's other addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<Links>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// An order's other addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Links {
    /// The order at the api.
    #[serde(rename = "self")]
    pub order: String,
    /// Its status updates as server-sent events, where the service pushes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<String>,
    /// The status updates of many orders over one WebSocket, where the service pushes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub websocket: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// When an order should be done, as its receipt states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct ReceiptEta {
    /// The median, in seconds from the response.
    pub seconds: f64,
    /// The 10th percentile.
    pub p10_seconds: f64,
    /// The 90th percentile.
    pub p90_seconds: f64,
    /// The median as a time on the service's clock.
    pub at: DateTime<Utc>,
    /// Orders ahead, approximately.
    pub queue_depth: u64,
    /// What the estimate is based on: `measured` times, or `configured` ones while there is no
    /// history.
    pub basis: String,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Temporary credentials that can read the one status object, for an SDK of S3.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct StatusAccess {
    /// The bucket of the status object.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// The bucket's region.
    pub region: String,
    /// The S3 endpoint, if it is not AWS's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The id of the access key.
    pub access_key_id: String,
    /// The access key: a secret.
    pub secret_access_key: String,
    /// The session token: a secret.
    pub session_token: String,
    /// When the credentials expire; the api gives fresh ones.
    pub expires_at: DateTime<Utc>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

impl Receipt {
    /// The receipt of an order of which only the id and the token are known.
    #[must_use]
    pub fn new(id: impl Into<String>, order_token: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            order_token: order_token.into(),
            read_token: None,
            token_expires_at: None,
            status: None,
            status_url: None,
            status_url_expires_at: None,
            status_access: None,
            eta: None,
            poll_after_ms: None,
            links: None,
            other: BTreeMap::new(),
        }
    }
}

impl Receipt {
    /// Whether it is of a group, which its link says.
    #[must_use]
    pub fn is_of_group(&self) -> bool {
        self.links.as_ref().is_some_and(|links| links.order.rsplit('/').nth(1) == Some("group"))
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("id", &self.id).field("eta", &self.eta).finish_non_exhaustive()
    }
}

impl fmt::Debug for StatusAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusAccess").field("bucket", &self.bucket).field("key", &self.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_and_a_token_are_a_receipt() {
        let receipt: Receipt = serde_json::from_str(r#"{"id":"x","order_token":"t"}"#).expect("enough");
        assert_eq!(receipt, Receipt::new("x", "t"));
        assert_eq!(serde_json::to_string(&receipt).expect("JSON"), r#"{"id":"x","order_token":"t"}"#);
    }
}
