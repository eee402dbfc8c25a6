//! What the tests of the processors share.

use offload_domain::{fixtures, order::Order, payload::Payload};
use serde_json::Value;

/// An order with this payload.
#[expect(clippy::needless_pass_by_value, reason = "callers write literals")]
pub(super) fn order_of(payload: Value) -> Order {
    order_of_text(&payload.to_string())
}

/// An order with this text as its payload.
pub(super) fn order_of_text(payload: &str) -> Order {
    let payload = Payload::stored(payload.to_owned()).unwrap();
    Order { payload, ..fixtures::order(chrono::DateTime::UNIX_EPOCH) }
}
