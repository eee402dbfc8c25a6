//! Placing an order as a client does that will not take no for an answer.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::sleep;

use crate::{Answer, PATIENCE, Receipt};

/// Posts a small order under a key of its own until it is accepted.
///
/// # Panics
/// If it is not accepted within [`PATIENCE`].
pub async fn post_until_accepted(http: &reqwest::Client, url: &str, key: &str) -> Receipt {
    let order = json!({"kind": "fulfilment", "items": [{"sku": "A-1", "quantity": 2}]});
    let end = Instant::now() + PATIENCE;
    loop {
        let request = http.post(url).header("idempotency-key", key).json(&order);
        if let Ok(response) = request.send().await
            && response.status() == 202
        {
            return Receipt::of(&Answer::of(response).await);
        }
        assert!(Instant::now() < end, "{key} is not accepted");
        sleep(Duration::from_millis(100)).await;
    }
}
