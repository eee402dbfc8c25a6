//! The orders that tests and harnesses submit.

use offload_domain::{fixtures, order::OrderRecord, payload::Payload};
use offload_service::clock;
use serde_json::{Value, json};

/// A small order for the processor of the demo: its result is inline.
#[must_use]
pub fn fulfilment() -> Value {
    json!({"kind": "fulfilment", "items": [{"sku": "A-1", "quantity": 2}]})
}

/// An order whose result is a CSV of so many rows, stored as an object of its own.
#[must_use]
pub fn report(rows: u32) -> Value {
    json!({"kind": "report", "rows": rows})
}

/// An order with these options.
#[must_use]
pub fn with_options(mut order: Value, options: Value) -> Value {
    order["options"] = options;
    order
}

/// The record of a [`fulfilment`] as the api makes it at acceptance, not yet stored.
#[must_use]
pub fn new_record() -> OrderRecord {
    let mut record = fixtures::record(clock::now());
    record.order.payload = Payload::stored(fulfilment().to_string()).expect("it is JSON");
    record.order.renew = format!("https://api.example/order/{}", record.order.id);
    record
}
