//! Traces and metrics by OTLP over HTTP, as the variables `OTEL_…` say.
//! <https://opentelemetry.io/docs/specs/otel/protocol/exporter/>

use std::time::{Duration, SystemTime};

use opentelemetry::{KeyValue, trace::TracerProvider as _};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider},
};
use tokio::time::timeout;
use tracing_subscriber::{Layer, Registry, filter::filter_fn};

use super::{
    environment::{ENDPOINT, endpoint, variable},
    exchange::Exchange,
    push::{self, MetricPush},
};
use crate::{clock, trace};

const TRACES_ENDPOINT: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const PROTOCOLS: [&str; 3] =
    ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"];
const PROTOCOL: &str = "http/protobuf";
/// Milliseconds.
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const TIMEOUT_DEFAULT: u64 = 10_000;
const QUEUE_SIZE: &str = "OTEL_BSP_MAX_QUEUE_SIZE";
/// Spans that wait to be sent. OpenTelemetry's own default, 2,048, is a few hundred orders, which
/// come in a burst.
const QUEUE_SIZE_DEFAULT: usize = 16_384;

/// The longest that the end of a program waits for what was not yet sent.
const LAST_CHANCE: Duration = Duration::from_secs(5);

/// What sends traces and metrics.
#[derive(Debug)]
pub(super) struct Otlp {
    provider: Option<SdkTracerProvider>,
    metrics: Option<MetricPush>,
}

/// The layer that makes spans of traces from those with the target for it.
pub(super) type Spans = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts what the environment asks for; `None` if that is nothing.
///
/// # Errors
/// A message for the operator.
pub(super) fn start(program: &'static str) -> Result<Option<(Otlp, Option<Spans>)>, String> {
    let disabled = variable("OTEL_SDK_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true"));
    let sends = |exporter: &str, endpoint: &str| {
        let exporter = variable(exporter);
        !disabled && exporter.as_deref() != Some("none") && [ENDPOINT, endpoint].iter().any(|v| variable(v).is_some())
    };
    let traces = sends("OTEL_TRACES_EXPORTER", TRACES_ENDPOINT);
    let metrics = sends("OTEL_METRICS_EXPORTER", push::ENDPOINT);
    if !traces && !metrics {
        return Ok(None);
    }
    for name in PROTOCOLS {
        if let Some(other) = variable(name).filter(|protocol| protocol != PROTOCOL) {
            return Err(format!(
                "{name} is {other}, and this program sends {PROTOCOL} only: set that, and as the endpoint the \
                 collector's port for HTTP, which is mostly 4318"
            ));
        }
    }
    let milliseconds = match variable(TIMEOUT) {
        None => TIMEOUT_DEFAULT,
        Some(text) => text.parse().map_err(|_| format!("{TIMEOUT} is {text}, which is no number of milliseconds"))?,
    };
    let exchange = Exchange::new(Duration::from_millis(milliseconds))?;
    let resource = resource(program);
    let metrics = if metrics { Some(MetricPush::start(exchange.clone(), &resource)?) } else { None };
    if !traces {
        return Ok(Some((Otlp { provider: None, metrics }, None)));
    }
    let exporter = SpanExporter::builder().with_http().with_http_client(exchange);
    let exporter = exporter.with_endpoint(endpoint(TRACES_ENDPOINT, "v1/traces")?.to_string());
    let exporter = exporter.build().map_err(|e| format!("traces cannot be sent as the variables OTEL_… say: {e}"))?;
    let batches = BatchConfigBuilder::default();
    let batches = match variable(QUEUE_SIZE) {
        Some(_) => batches,
        None => batches.with_max_queue_size(QUEUE_SIZE_DEFAULT),
    };
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches.build()).build();
    let provider = SdkTracerProvider::builder().with_resource(resource).with_span_processor(processor).build();
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("status-offload"))
        .with_location(false)
        .with_threads(false)
        .with_level(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(|span| span.target() == trace::TARGET));
    trace::set_on();
    Ok(Some((Otlp { provider: Some(provider), metrics }, Some(Box::new(spans)))))
}

impl Otlp {
    /// Sends what was not yet sent, within [`LAST_CHANCE`].
    pub(super) async fn shutdown(self) {
        let Self { provider, metrics } = self;
        let traces = async {
            if let Some(provider) = provider {
                // It blocks until its own thread has sent the rest.
                let ended = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(LAST_CHANCE));
                if let Ok(Err(e)) = ended.await {
                    tracing::warn!(error = %e, "the last spans may be lost");
                }
            }
        };
        let metrics = async {
            if let Some(metrics) = metrics {
                metrics.finish().await;
            }
        };
        if timeout(LAST_CHANCE, async { tokio::join!(traces, metrics) }).await.is_err() {
            tracing::warn!("the last spans and metrics may be lost: the collector does not answer in time");
        }
    }
}

/// Who sends: `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win.
fn resource(program: &'static str) -> Resource {
    let named = variable("OTEL_SERVICE_NAME").is_some()
        || variable("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|list| list.contains("service.name="));
    let started: SystemTime = clock::now().into();
    let seed = started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let instance = format!("{:x}-{:x}", std::process::id(), seed);
    let builder = Resource::builder().with_attributes([
        KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("service.instance.id", instance),
    ]);
    let builder = if named { builder } else { builder.with_service_name(program) };
    builder.build()
}
