//! The order as work outside this program gets it.

use chrono::{DateTime, Utc};
use offload_domain::{id::OrderId, json::to_json, order::Order, payload::Payload, time::rfc3339_millis};
use serde::Serialize;

/// The JSON document on a program's standard input, and in the body of a POST.
#[derive(Debug, Serialize)]
struct Document<'a> {
    id: OrderId,
    #[serde(with = "rfc3339_millis")]
    created_at: DateTime<Utc>,
    order: &'a Payload,
}

/// The document of an order, without a line feed at its end.
pub(super) fn document(order: &Order) -> String {
    to_json(&Document { id: order.id, created_at: order.created_at, order: &order.payload })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::order_of_text, *};

    #[test]
    fn it_has_the_id_the_time_and_the_order_as_it_was_sent() {
        let text = r#"{ "n":18446744073709551617, "n2":1E+2,"z":-0 , "s":"\u00e9\/" }"#;
        let order = order_of_text(text);
        let expected = format!(r#"{{"id":"{}","created_at":"1970-01-01T00:00:00.000Z","order":{text}}}"#, order.id);
        assert_eq!(document(&order), expected);
    }
}
