//! The body of `202 Accepted`. Pure.

use chrono::{DateTime, Utc};
use offload_domain::{
    eta::Basis,
    group::Group,
    id::OrderId,
    schedule,
    status::{EtaWindow, Status},
    time::rfc3339_millis,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{links::Links, status_access::StatusAccess, tokens::OrderTokens};
use crate::{acceptance::AcceptedOrder, eta::EstimateInputs};

/// What a client needs to read the status of its order.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct Receipt {
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: OrderId,
    /// `pending`, unless a repeated request finds its order further on.
    pub(crate) status: Status,
    #[serde(flatten)]
    pub(crate) access: StatusAccess,
    pub(crate) eta: ReceiptEta,
    /// When to poll `status_url` first, in milliseconds from now.
    pub(crate) poll_after_ms: u64,
    #[serde(flatten)]
    pub(crate) tokens: OrderTokens,
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

impl Receipt {
    /// The receipt of an order, made at `now`.
    pub(crate) fn new(accepted: AcceptedOrder, tokens: OrderTokens, links: Links, now: DateTime<Utc>) -> Self {
        let AcceptedOrder { record, access, inputs } = accepted;
        let state = &record.state;
        // An order that has ended, found by a repeated request: its estimate is its end.
        let window = state.eta.unwrap_or_else(|| {
            let at = state.finished_at.unwrap_or(state.updated_at);
            EtaWindow { at, earliest_at: at, latest_at: at }
        });
        Self {
            id: record.order.id,
            status: state.status,
            access,
            eta: ReceiptEta::of(&window, inputs, now),
            poll_after_ms: if state.status.is_final() { 0 } else { schedule::poll_after_ms(&window, now) },
            tokens,
            links,
        }
    }

    /// The receipt of a group, made at `now`.
    pub(crate) fn of_group(
        group: &Group,
        access: StatusAccess,
        inputs: EstimateInputs,
        tokens: OrderTokens,
        links: Links,
        now: DateTime<Utc>,
    ) -> Self {
        let object = group.status_object(now);
        let window = object.eta.unwrap_or(EtaWindow { at: now, earliest_at: now, latest_at: now });
        Self {
            id: group.id,
            status: object.status,
            access,
            eta: ReceiptEta::of(&window, inputs, now),
            poll_after_ms: object.poll_after_ms.unwrap_or(0),
            tokens,
            links,
        }
    }

    /// The value of `Retry-After`, in seconds: at least one until the order has ended, because a
    /// client that knows only this header would otherwise come back at once.
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

impl ReceiptEta {
    fn of(window: &EtaWindow, inputs: EstimateInputs, now: DateTime<Utc>) -> Self {
        let seconds = |at: DateTime<Utc>| rounded((at - now).as_seconds_f64().max(0.0));
        Self {
            seconds: seconds(window.at),
            p10_seconds: seconds(window.earliest_at),
            p90_seconds: seconds(window.latest_at),
            at: window.at,
            queue_depth: inputs.queue_depth,
            basis: inputs.basis,
        }
    }
}

/// To one decimal: an estimate is not known better.
fn rounded(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use offload_domain::{fixtures, order::OrderRecord, transition::Transition};
    use serde_json::json;

    use super::*;
    use crate::eta::EstimateInputs;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_700_000_000_000 + ms).unwrap()
    }

    fn record() -> OrderRecord {
        let window = EtaWindow { at: at(12_437), earliest_at: at(9_000), latest_at: at(20_149) };
        OrderRecord::new(fixtures::order(at(0)), window, 10_672)
    }

    fn receipt(record: OrderRecord, now: DateTime<Utc>) -> Receipt {
        let access = StatusAccess::url("https://s3/status".to_owned(), at(600_000));
        let inputs = EstimateInputs { queue_depth: 37, basis: Basis::Configured };
        let links = Links { this: "https://api/order/x".to_owned(), events: None, websocket: None };
        let tokens = OrderTokens {
            order_token: "v2.x".to_owned(),
            read_token: "v2.y".to_owned(),
            token_expires_at: at(900_000),
        };
        Receipt::new(AcceptedOrder { record, access, inputs }, tokens, links, now)
    }

    #[test]
    fn a_receipt_has_the_members_of_the_contract() {
        let record = record();
        let receipt = receipt(record.clone(), at(0));
        assert_eq!(receipt.retry_after(), 13);
        assert_eq!(
            serde_json::to_value(&receipt).unwrap(),
            json!({
                "id": record.order.id.to_string(), "status": "pending",
                "status_url": "https://s3/status", "status_url_expires_at": "2023-11-14T22:23:20.000Z",
                "eta": {"seconds": 12.4, "p10_seconds": 9.0, "p90_seconds": 20.1, "at": "2023-11-14T22:13:32.437Z",
                        "queue_depth": 37, "basis": "configured"},
                "poll_after_ms": 10_843, "order_token": "v2.x", "read_token": "v2.y",
                "token_expires_at": "2023-11-14T22:28:20.000Z", "links": {"self": "https://api/order/x"}
            })
        );
    }

    #[test]
    fn a_late_receipt_counts_from_its_own_time_and_never_below_zero() {
        let receipt = receipt(record(), at(15_000));
        assert_eq!((receipt.eta.seconds, receipt.eta.p10_seconds), (0.0, 0.0));
        assert!((receipt.eta.p90_seconds - 5.1).abs() < 1e-9);
        assert_eq!(receipt.retry_after(), 1, "a late order may end any moment, but not at once");
    }

    #[test]
    fn an_order_that_has_ended_is_not_waited_for() {
        let mut record = record();
        record.state = record.state.apply(Transition::Cancel, at(2_000)).unwrap();
        let receipt = receipt(record, at(9_000));
        assert_eq!(receipt.status, Status::Cancelled);
        assert_eq!((receipt.poll_after_ms, receipt.retry_after()), (0, 0));
        assert_eq!(receipt.eta.at, at(0) + TimeDelta::seconds(2));
    }
}
