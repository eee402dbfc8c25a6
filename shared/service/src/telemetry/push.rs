//! Sends the metrics of this process to a collector, every now and then and at the end.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use opentelemetry_sdk::Resource;
use prost::Message as _;
use tokio::{task::JoinHandle, time::sleep};
use tokio_util::sync::CancellationToken;

use super::{
    environment::{endpoint, variable},
    exchange::Exchange,
    push_message::{Origin, message},
};
use crate::metrics;

pub(super) const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT";
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
/// Milliseconds.
const INTERVAL: &str = "OTEL_METRIC_EXPORT_INTERVAL";
const INTERVAL_DEFAULT: u64 = 60_000;

/// The task that sends.
#[derive(Debug)]
pub(super) struct MetricPush {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl MetricPush {
    /// # Errors
    /// A message for the operator.
    pub(super) fn start(exchange: Exchange, resource: &Resource) -> Result<Self, String> {
        let interval = match variable(INTERVAL) {
            None => INTERVAL_DEFAULT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|ms| *ms > 0)
                .ok_or_else(|| format!("{INTERVAL} is {text}, which is no number of milliseconds above 0"))?,
        };
        let sender = Sender {
            exchange,
            uri: endpoint(ENDPOINT, "v1/metrics")?,
            headers: headers(),
            origin: Arc::new(Origin::of(resource)),
        };
        metrics::set_sent();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = stopped.cancelled() => break,
                    () = sleep(Duration::from_millis(interval)) => sender.send().await,
                }
            }
            sender.send().await;
        });
        Ok(Self { stop, task })
    }

    /// Sends the last values.
    pub(super) async fn finish(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

struct Sender {
    exchange: Exchange,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    origin: Arc<Origin>,
}

impl Sender {
    async fn send(&self) {
        let body = message(&self.origin, &metrics::read_all()).encode_to_vec();
        let mut request = Request::new(Bytes::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.extend(self.headers.iter().cloned());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        // A failure is logged there. The next values make up for it.
        let _ = self.exchange.send(request).await;
    }
}

/// `name=value,name=value`, with percent-encoded values. What is no header is left out, as the
/// exporter of traces does.
fn headers() -> Vec<(HeaderName, HeaderValue)> {
    let list = HEADERS.iter().find_map(|name| variable(name)).unwrap_or_default();
    let header = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        // As in the query of a URL, but for `+`, which stays itself.
        let encoded = format!("v={}", value.trim().replace('+', "%2B"));
        let (_, value) = url::form_urlencoded::parse(encoded.as_bytes()).next()?;
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::from_bytes(name.trim().as_bytes()).ok()?, value))
    };
    list.split(',').filter_map(header).collect()
}
