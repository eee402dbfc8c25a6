//! What is needed to follow an order.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::status::Status;

/// The answer to an order. Plain JSON, to be stored and gone on with anywhere; `id` and `order_token` alone suffice.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The order.
    pub id: String,
    /// The capability for this order: a secret.
    pub order_token: String,
    /// Where the order stood: `pending`, unless a repeated request found its order further on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// The presigned URL of the status object: a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url: Option<String>,
    /// Until when that works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_url_expires_at: Option<DateTime<Utc>>,
    /// When the order should be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<ReceiptEta>,
    /// When to look first, in milliseconds from the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll_after_ms: Option<u64>,
    /// Where else to go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub links: Option<Links>,
}

/// Where else to go from an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Links {
    /// The order's changes as server-sent events, where the service has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<String>,
}

/// When an order should be done, as the service's answer states it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReceiptEta {
    /// The median, in seconds from the answer.
    pub seconds: f64,
    /// The 10th percentile.
    pub p10_seconds: f64,
    /// The 90th percentile.
    pub p90_seconds: f64,
    /// The median as a time on the service's clock.
    pub at: DateTime<Utc>,
    /// Orders ahead, approximately.
    #[serde(default)]
    pub queue_depth: Option<u64>,
    /// What the estimate rests on: `measured` times, or `configured` ones as long as there is no history.
    #[serde(default)]
    pub basis: Option<String>,
}

impl Receipt {
    /// An order of which only the id and the token are known.
    #[must_use]
    pub fn named(id: impl Into<String>, order_token: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            order_token: order_token.into(),
            status: None,
            status_url: None,
            status_url_expires_at: None,
            eta: None,
            poll_after_ms: None,
            links: None,
        }
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receipt").field("id", &self.id).field("eta", &self.eta).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_survives_storage_and_never_shows_its_secrets() {
        let answer = r#"{"id":"0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f","status":"pending","status_url":"http://s3/k?X-Amz-Signature=secret",
            "status_url_expires_at":"2026-11-20T13:00:00Z","eta":{"seconds":12.4,"p10_seconds":9.0,"p90_seconds":20.1,
            "at":"2026-11-20T12:00:12.400Z","queue_depth":37,"basis":"measured"},"poll_after_ms":10692,
            "order_token":"v1.secret","links":{"self":"/order/0198","new":"?"}}"#;
        let receipt: Receipt = serde_json::from_str(answer).expect("the answer of the contract");
        assert_eq!(receipt.eta.as_ref().expect("an estimate").queue_depth, Some(37));
        let stored = serde_json::to_string(&receipt).expect("JSON");
        assert_eq!(serde_json::from_str::<Receipt>(&stored).expect("JSON"), receipt);
        assert!(!format!("{receipt:?}").contains("secret"));
        let named: Receipt = serde_json::from_str(r#"{"id":"x","order_token":"t"}"#).expect("enough");
        assert_eq!(named, Receipt::named("x", "t"));
    }
}
