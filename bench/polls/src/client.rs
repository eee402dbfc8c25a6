//! A client that follows the schedule: places an order, and looks at its status object when it should.

use std::time::Duration;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use offload_shared::{
    schedule::{Schedule, jittered},
    status::{EtaWindow, StatusObject},
};
use rand::{RngExt as _, rngs::SmallRng};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

/// What came of one order, in seconds since it was placed.
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
pub(crate) async fn follow(http: &reqwest::Client, url: &str, mut rng: SmallRng) -> anyhow::Result<Looked> {
    let order = json!({"kind": "fulfilment", "items": [{"sku": "A-1", "quantity": 2}]});
    let answer = http.post(url).json(&order).send().await?;
    let placed = Instant::now();
    anyhow::ensure!(answer.status() == 202, "refused: {}", answer.status());
    let receipt: Value = answer.json().await?;
    let seconds = |name: &str| receipt["eta"][name].as_f64().context("no estimate");
    let (p50, p10, p90) = (seconds("seconds")?, seconds("p10_seconds")?, seconds("p90_seconds")?);
    let status_url = receipt["status_url"].as_str().context("no status URL")?;

    let mut schedule = Schedule::new(p10, p90);
    let (mut etag, mut known): (Option<String>, Option<EtaWindow>) = (None, None);
    let mut last = 0.0;
    loop {
        let wait = jittered(Duration::from_secs_f64((schedule.next_look() - last).max(0.0)), rng.random());
        sleep_until(placed + Duration::from_secs_f64(last) + wait).await;
        last = placed.elapsed().as_secs_f64();
        let mut look = http.get(status_url);
        if let Some(etag) = &etag {
            look = look.header("if-none-match", etag);
        }
        let answer = look.send().await?;
        if answer.status() == 304 {
            schedule = schedule.looked();
            continue;
        }
        anyhow::ensure!(answer.status() == 200, "a look was answered {}", answer.status());
        etag = answer.headers().get("etag").and_then(|v| v.to_str().ok()).map(str::to_owned);
        let object: StatusObject = answer.json().await?;
        let since = |t: DateTime<Utc>| (t - object.created_at).as_seconds_f64();
        if let Some(finished) = object.finished_at {
            let done = since(finished);
            return Ok(Looked { done, seen: last.max(done), p50, p90 });
        }
        schedule = match object.eta.filter(|w| known.is_some_and(|k| k != *w) || object.revision > 1) {
            Some(window) if known != Some(window) => schedule.moved(since(window.earliest_at), since(window.latest_at)),
            _ => schedule.looked(),
        };
        known = object.eta;
    }
}
