//! The calls that a running `offload up` counted.

use std::{collections::BTreeMap, time::Duration};

use offload_cost::Counted;
use serde::Deserialize;

use crate::failure::Failure;

/// More than a loopback connection takes.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Far more than a thousand kinds of calls take.
const BYTES_MAX: u64 = 4 << 20;

#[derive(Deserialize)]
struct Answer {
    calls: BTreeMap<String, u64>,
}

/// Reads the counts.
///
/// # Errors
/// [`Failure::Unreachable`] if nothing answers, [`Failure::Refused`] if what answers has no counts,
/// or none of an order.
pub(super) async fn counted(url: &str) -> Result<Counted, Failure> {
    let builder = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
    let client =
        builder.tls_certs_only([]).build().map_err(|e| Failure::Refused(format!("cannot set up HTTP: {e}")))?;
    let unreachable = |e: reqwest::Error| {
        if e.is_builder() {
            return Failure::Usage(format!("--measured: {url} is no URL: write it as http://HOST:PORT/_calls"));
        }
        Failure::Unreachable(format!(
            "cannot read the counted calls at {url}: {}. Is `offload up` running? Its `--json` line has the URL as `calls`",
            if e.is_timeout() { "no answer within 10 s" } else { "nothing answers" }
        ))
    };
    let response = client.get(url).send().await.map_err(unreachable)?;
    let no_counts = || {
        Failure::Refused(format!("{url} has no counted calls: give the URL that `offload up --json` prints as `calls`"))
    };
    if !response.status().is_success() || response.content_length().is_none_or(|length| length > BYTES_MAX) {
        return Err(no_counts());
    }
    let text = response.bytes().await.map_err(unreachable)?;
    let answer: Answer = serde_json::from_slice(&text).map_err(|_| no_counts())?;
    Counted::of(&answer.calls).ok_or_else(|| {
        Failure::Refused("no order was submitted since `offload up` started: submit some, and ask again".to_owned())
    })
}
