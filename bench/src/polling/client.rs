//! One client: places an order and waits for it as anybody would, with the client of `clients/rust`.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use offload_client::Client;
use offload_service::clock;
use serde_json::json;

/// What came of one order, in seconds since it was accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looked {
    /// When it was done.
    pub(crate) done: f64,
    /// When the client knew.
    pub(crate) seen: f64,
    /// The estimate that the client was given: its median and its 90th percentile.
    pub(crate) p50: f64,
    pub(crate) p90: f64,
}

/// Places one order and follows it to its end.
pub(crate) async fn follow(client: &Client) -> anyhow::Result<Looked> {
    let order = json!({"kind": "fulfilment", "items": [{"sku": "A-1", "quantity": 2}]});
    let receipt = client.submit(&order).await?;
    let eta = receipt.eta.as_ref().context("no estimate")?;
    let ended = client.wait(&receipt).await?;
    let since = |t: DateTime<Utc>| (t - ended.created_at).as_seconds_f64();
    let seen = since(clock::now());
    let done = since(ended.finished_at.context("an end without a time")?);
    Ok(Looked { done, seen: seen.max(done), p50: eta.seconds, p90: eta.p90_seconds })
}
