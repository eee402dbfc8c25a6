//! What the tests of the processors share.

use offload_domain::{fixtures, order::Order};
use serde_json::Value;

/// An order with this payload.
pub(super) fn order_of(payload: Value) -> Order {
    let Value::Object(payload) = payload else { panic!("an order is an object") };
    Order { payload, ..fixtures::order(chrono::DateTime::UNIX_EPOCH) }
}
