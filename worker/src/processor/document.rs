//! The order as work outside this program gets it.

use chrono::{DateTime, Utc};
use offload_domain::{id::OrderId, json::to_json, order::Order, time::rfc3339_millis};
use serde::Serialize;
use serde_json::{Map, Value};

/// The JSON document on a program's standard input, and in the body of a POST.
#[derive(Debug, Serialize)]
struct Document<'a> {
    id: OrderId,
    #[serde(with = "rfc3339_millis")]
    created_at: DateTime<Utc>,
    order: &'a Map<String, Value>,
}

/// The document of an order, without a line feed at its end.
pub(super) fn document(order: &Order) -> String {
    to_json(&Document { id: order.id, created_at: order.created_at, order: &order.payload })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::testing::order_of, *};

    #[test]
    fn it_has_the_id_the_time_and_the_order_as_it_was_sent() {
        let order = order_of(json!({"kind": "report", "rows": 3}));
        let read: Value = serde_json::from_str(&document(&order)).unwrap();
        let expected =
            json!({"id": order.id, "created_at": "1970-01-01T00:00:00.000Z", "order": {"kind": "report", "rows": 3}});
        assert_eq!(read, expected);
    }
}
