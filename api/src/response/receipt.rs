//! The body of `202 Accepted`. Pure.

use chrono::{DateTime, Utc};
use offload_domain::{
    eta::Basis,
    id::OrderId,
    order::OrderRecord,
    schedule,
    status::{EtaWindow, Status},
    time::rfc3339_millis,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    eta::Grounds,
    response::links::Links,
    response::status_access::{Reading, StatusAccess},
};

/// What a client needs to follow its order.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Receipt {
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: OrderId,
    /// `pending`, unless a repeated request finds its order further on.
    pub(crate) status: Status,
    /// A presigned GET URL of the status object in S3. Poll it with `If-None-Match`. Not there where the service hands out credentials
    /// instead (`status_access`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = "uri", required = true)]
    pub(crate) status_url: Option<String>,
    /// Until when `status_url` works; `links.self` gives a fresh one.
    #[serde(with = "rfc3339_millis::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = true)]
    pub(crate) status_url_expires_at: Option<DateTime<Utc>>,
    /// In place of `status_url` where the service is set to it: credentials for the one object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status_access: Option<StatusAccess>,
    pub(crate) eta: ReceiptEta,
    /// When to look at `status_url` first, in milliseconds from now.
    pub(crate) poll_after_ms: u64,
    /// The capability for this order: as `Authorization: Bearer`, or as `token=` in the query.
    pub(crate) order_token: String,
    pub(crate) links: Links,
}

/// When the order should be done.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ReceiptEta {
    /// The median, in seconds from now.
    pub(crate) seconds: f64,
    /// The 10th percentile.
    pub(crate) p10_seconds: f64,
    /// The 90th percentile.
    pub(crate) p90_seconds: f64,
    /// The median as a time.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) at: DateTime<Utc>,
    /// Orders waiting in the queue, approximately and as of a second or so ago.
    pub(crate) queue_depth: u64,
    pub(crate) basis: Basis,
}

/// What a receipt states beside the order.
#[derive(Debug)]
pub(crate) struct Particulars {
    pub(crate) reading: Reading,
    pub(crate) order_token: String,
    pub(crate) links: Links,
    pub(crate) grounds: Grounds,
}

impl Receipt {
    /// The receipt of an order, handed out at `now`.
    pub(crate) fn new(record: &OrderRecord, particulars: Particulars, now: DateTime<Utc>) -> Self {
        let Particulars { reading, order_token, links, grounds } = particulars;
        let (status_url, status_url_expires_at, status_access) = reading.members();
        let state = &record.state;
        // An order that has ended, found by a repeated request, is expected when it ended.
        let window = state.eta.unwrap_or_else(|| {
            let at = state.finished_at.unwrap_or(state.updated_at);
            EtaWindow { at, earliest_at: at, latest_at: at }
        });
        let seconds = |at: DateTime<Utc>| rounded((at - now).as_seconds_f64().max(0.0));
        Self {
            id: record.order.id,
            status: state.status,
            status_url,
            status_url_expires_at,
            status_access,
            eta: ReceiptEta {
                seconds: seconds(window.at),
                p10_seconds: seconds(window.earliest_at),
                p90_seconds: seconds(window.latest_at),
                at: window.at,
                queue_depth: grounds.queue_depth,
                basis: grounds.basis,
            },
            poll_after_ms: if state.status.is_final() { 0 } else { schedule::poll_after_ms(&window, now) },
            order_token,
            links,
        }
    }

    /// The value of `Retry-After`: at least a second while there is something to wait for, because a client that knows
    /// nothing but this header would otherwise come back at once.
    pub(crate) fn retry_after(&self) -> u64 {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, and ten years at most"
        )]
        let seconds = self.eta.seconds.ceil() as u64;
        if self.status.is_final() { 0 } else { seconds.max(1) }
    }
}

/// To one decimal: more would claim what nobody knows.
fn rounded(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use offload_domain::{fixtures, transition::Transition};
    use serde_json::json;

    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + ms).unwrap()
    }

    fn record() -> OrderRecord {
        let window = EtaWindow { at: at(12_437), earliest_at: at(9_000), latest_at: at(20_149) };
        OrderRecord::new(fixtures::order(at(0)), window, 10_672)
    }

    fn particulars() -> Particulars {
        Particulars {
            reading: Reading::Url("https://s3/status".to_owned(), at(600_000)),
            order_token: "v1.x".to_owned(),
            links: Links { this: "https://api/order/x".to_owned(), events: None, websocket: None },
            grounds: Grounds { queue_depth: 37, basis: Basis::Configured },
        }
    }

    #[test]
    fn a_receipt_has_the_members_of_the_contract() {
        let record = record();
        let receipt = Receipt::new(&record, particulars(), at(0));
        assert_eq!(receipt.retry_after(), 13);
        assert_eq!(
            serde_json::to_value(&receipt).unwrap(),
            json!({
                "id": record.order.id.to_string(), "status": "pending",
                "status_url": "https://s3/status", "status_url_expires_at": "2023-11-14T22:23:20.000Z",
                "eta": {"seconds": 12.4, "p10_seconds": 9.0, "p90_seconds": 20.1, "at": "2023-11-14T22:13:32.437Z",
                        "queue_depth": 37, "basis": "configured"},
                "poll_after_ms": 10_843, "order_token": "v1.x", "links": {"self": "https://api/order/x"}
            })
        );
    }

    #[test]
    fn a_late_receipt_counts_from_its_own_time_and_never_below_zero() {
        let receipt = Receipt::new(&record(), particulars(), at(15_000));
        assert_eq!((receipt.eta.seconds, receipt.eta.p10_seconds), (0.0, 0.0));
        assert!((receipt.eta.p90_seconds - 5.1).abs() < 1e-9);
        assert_eq!(receipt.retry_after(), 1, "what is late may come any moment, but not at once");
    }

    #[test]
    fn an_order_that_has_ended_is_not_to_be_waited_for() {
        let mut record = record();
        record.state = record.state.apply(Transition::Cancel, at(2_000)).unwrap();
        let receipt = Receipt::new(&record, particulars(), at(9_000));
        assert_eq!(receipt.status, Status::Cancelled);
        assert_eq!((receipt.poll_after_ms, receipt.retry_after()), (0, 0));
        assert_eq!(receipt.eta.at, at(0) + TimeDelta::seconds(2));
    }
}
