//! One client: submits an order and waits for its end with the client of `clients/rust`.

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use offload_client::Client;
use offload_service::clock;
use offload_tests::orders;

/// One order, in seconds since it was accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OrderTimes {
    /// When it was done.
    pub(crate) done: f64,
    /// When the client knew.
    pub(crate) noticed: f64,
    /// The estimate at acceptance: its median and its 90th percentile.
    pub(crate) p50: f64,
    pub(crate) p90: f64,
}

/// Submits one order and waits for its end.
pub(crate) async fn submit_and_wait(client: &Client) -> anyhow::Result<OrderTimes> {
    let receipt = client.submit(&orders::fulfilment()).await?;
    let eta = receipt.eta.as_ref().context("no estimate")?;
    let ended = client.wait(&receipt).await?;
    let since = |t: DateTime<Utc>| (t - ended.created_at).as_seconds_f64();
    let noticed = since(clock::now());
    let done = since(ended.finished_at.context("an end without a time")?);
    Ok(OrderTimes { done, noticed: noticed.max(done), p50: eta.seconds, p90: eta.p90_seconds })
}
