//! The calls that a running `offload up` counted, or the programs of a deployment.

use std::{collections::BTreeMap, time::Duration};

use offload_cost::{Counted, Scenario};
use serde::Deserialize;

use crate::failure::Failure;

/// More than a connection within a network takes.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Far more than a thousand kinds of calls take.
const BYTES_MAX: u64 = 4 << 20;

const ACCEPTED: &str = "orders_accepted_total";
const AWS_CALLS: &str = "aws_calls_total";

#[derive(Deserialize)]
struct Answer {
    calls: BTreeMap<String, u64>,
}

/// What is counted at one URL or at several.
#[derive(Debug, Default, PartialEq)]
struct Metrics {
    /// Orders that were accepted; `None` if no api was among them.
    orders: Option<f64>,
    /// Calls by operation.
    calls: BTreeMap<String, f64>,
}

/// Reads the counts.
///
/// # Errors
/// [`Failure::Unreachable`] if nothing answers, [`Failure::Refused`] if what answers has no counts,
/// or none of an order, [`Failure::Usage`] for what is no URL, or metrics beside an `offload up`.
pub(super) async fn counted(urls: &[String], scenario: &Scenario) -> Result<Counted, Failure> {
    let mut metrics = Metrics::default();
    for url in urls {
        let text = read(url).await?;
        if let Ok(Answer { calls }) = serde_json::from_str(&text) {
            if urls.len() > 1 {
                return Err(Failure::Usage(format!(
                    "--measured: {url} has every call of an `offload up`: it can stand beside nothing else"
                )));
            }
            return Counted::of(&calls).ok_or_else(|| {
                Failure::Refused(
                    "no order was submitted since `offload up` started: submit some, and ask again".to_owned(),
                )
            });
        }
        if !metrics.add(&text) {
            return Err(no_counts(url));
        }
    }
    let orders = metrics.orders.ok_or_else(|| {
        Failure::Usage(
            "--measured: none of these is an api, which counts the orders: name the /metrics of each api and worker"
                .to_owned(),
        )
    })?;
    Counted::by_programs(orders, &metrics.calls, scenario).ok_or_else(|| {
        Failure::Refused("no order was accepted since these apis started: submit some, and ask again".to_owned())
    })
}

async fn read(url: &str) -> Result<String, Failure> {
    let builder = || reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
    // On a machine without root certificates what is counted can still be read by http.
    let client = builder().build().or_else(|_| builder().tls_certs_only([]).build());
    let client = client.map_err(|e| Failure::Refused(format!("cannot set up HTTP: {e}")))?;
    let unreachable = |e: reqwest::Error| {
        if e.is_builder() {
            return Failure::Usage(format!("--measured: {url} is no URL: write it as http://HOST:PORT/_calls"));
        }
        Failure::Unreachable(format!(
            "cannot read the counted calls at {url}: {}. Is it running? The `--json` line of `offload up` has the URL \
             as `calls`",
            if e.is_timeout() { "no answer within 10 s" } else { "nothing answers" }
        ))
    };
    let mut response = client.get(url).send().await.map_err(unreachable)?;
    if !response.status().is_success() {
        return Err(no_counts(url));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() as u64 > BYTES_MAX {
            return Err(no_counts(url));
        }
    }
    String::from_utf8(body).map_err(|_| no_counts(url))
}

fn no_counts(url: &str) -> Failure {
    Failure::Refused(format!(
        "{url} has no counted calls: give the URL that `offload up --json` prints as `calls`, or the /metrics of each \
         api and worker"
    ))
}

impl Metrics {
    /// Adds the samples of a page of metrics; whether it had any of these.
    fn add(&mut self, page: &str) -> bool {
        let mut any = false;
        for line in page.lines() {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let Ok(value) = value.parse::<f64>() else { continue };
            if series == ACCEPTED {
                *self.orders.get_or_insert_default() += value;
                any = true;
            } else if let Some(operation) = called(series) {
                *self.calls.entry(operation.to_owned()).or_default() += value;
                any = true;
            }
        }
        any
    }
}

/// The operation of a series of calls that AWS bills: it answered, and not with a failure of its
/// own.
fn called(series: &str) -> Option<&str> {
    let labels = series.strip_prefix(AWS_CALLS)?.strip_prefix('{')?.strip_suffix('}')?;
    let label = |name: &str| {
        let mut labels = labels.split(',').filter_map(|label| label.split_once('='));
        labels.find(|(label, _)| *label == name).map(|(_, value)| value.trim_matches('"'))
    };
    let status: u16 = label("status")?.parse().ok()?;
    if status >= 500 { None } else { label("operation") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_of_several_programs_are_added_up() {
        let api = "# TYPE aws_calls counter\norders_accepted_total 20\n\
            aws_calls_total{operation=\"s3.PutObject\",status=\"200\"} 20\n\
            aws_calls_total{operation=\"s3.PutObject\",status=\"503\"} 4\n\
            aws_calls_total{status=\"none\",operation=\"s3.PutObject\"} 3\n\
            aws_calls_created{operation=\"s3.PutObject\"} 1.7e9\n";
        let worker = "aws_calls_total{status=\"412\",operation=\"s3.PutObject\"} 1\n\
            aws_calls_total{operation=\"sqs.ReceiveMessage\",status=\"200\"} 9\n# EOF\n";
        let mut metrics = Metrics::default();
        assert!(metrics.add(worker));
        assert_eq!(metrics.orders, None);
        assert!(metrics.add(api));
        let calls = [("s3.PutObject", 21.0), ("sqs.ReceiveMessage", 9.0)];
        let calls = calls.map(|(operation, n)| (operation.to_owned(), n)).into();
        assert_eq!(metrics, Metrics { orders: Some(20.0), calls });
        assert!(!Metrics::default().add("<html>\nnothing 1\n"));
    }
}
