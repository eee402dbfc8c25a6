//! The promises of the service, kept by the whole of it: real requests on real sockets, a stack for each test.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

mod cancellation;
mod crashes;
mod estimates;
mod idempotency;
mod lambda;
mod lambda_push;
mod ordeal;
mod orders;
mod outages;
mod programs;
mod push;
mod refusals;
mod resilience;
mod shutdown;
mod stores;
mod webhooks;
mod work;

use serde_json::{Value, json};

/// A small order for the built-in processor.
fn fulfilment() -> Value {
    json!({"kind": "fulfilment", "items": [{"sku": "A-1", "quantity": 2}]})
}
