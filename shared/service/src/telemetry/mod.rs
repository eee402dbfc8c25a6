//! Logs, and what is sent to others by OpenTelemetry's protocol.
//!
//! A log line is readable alone, lowercase, without a final period, and its fields are dotted. It
//! never contains a body, a token or a presigned URL.
//!
//! Traces and metrics are sent by OTLP where a variable `OTEL_EXPORTER_OTLP_…` names an endpoint,
//! if the program was built with the feature `otlp`. Where none does, no span is made.

#[cfg(feature = "otlp")]
mod environment;
#[cfg(feature = "otlp")]
mod exchange;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "otlp")]
mod push;
#[cfg(feature = "otlp")]
mod push_message;

use std::io::IsTerminal as _;

use tracing::{Level, Metadata};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt as _, filter_fn},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{settings::LogSettings, trace};

/// Whether a line may be written, whatever the filter says: libraries log the bodies of requests
/// and answers at the level of traces, and the embedded S3's also signed URLs at that of debugging.
/// Spans of traces are no lines.
fn has_no_secret(line: &Metadata<'_>) -> bool {
    let most = match line.target() {
        trace::TARGET => return false,
        own if own.starts_with("offload") || own == "audit" => Level::TRACE,
        s3s if s3s.starts_with("s3s") => Level::INFO,
        _ => Level::DEBUG,
    };
    *line.level() <= most
}

/// What this process sends to others. It is to be ended by [`Telemetry::shutdown`], or what was not
/// yet sent is lost.
#[derive(Debug, Default)]
#[must_use = "what is not shut down loses what was not yet sent"]
pub struct Telemetry {
    #[cfg(feature = "otlp")]
    otlp: Option<otlp::Otlp>,
}

impl Telemetry {
    /// Sends what was not yet sent, for five seconds at most.
    #[cfg_attr(not(feature = "otlp"), expect(clippy::unused_async, reason = "one signature for both builds"))]
    pub async fn shutdown(self) {
        #[cfg(feature = "otlp")]
        if let Some(otlp) = self.otlp {
            otlp.shutdown().await;
        }
    }
}

/// Sends this process's log to standard error, and its traces and metrics to where the environment
/// says, in the name of `program`. A second call changes nothing of the log. Must be called within
/// a runtime.
///
/// # Errors
/// A message for the operator, if a variable `OTEL_…` cannot be used.
pub fn init(program: &'static str, settings: &LogSettings) -> Result<Telemetry, String> {
    // Started first: what is wrong with it stops the program before anything is logged.
    #[cfg(feature = "otlp")]
    let (telemetry, spans) = match otlp::start(program)? {
        Some((otlp, spans)) => (Telemetry { otlp: Some(otlp) }, spans),
        None => (Telemetry::default(), None),
    };
    #[cfg(not(feature = "otlp"))]
    let (telemetry, spans) = (Telemetry::default(), None::<Box<dyn Layer<tracing_subscriber::Registry> + Send + Sync>>);
    #[cfg(not(feature = "otlp"))]
    let _ = program;

    // The setting was checked. A filter that cannot be parsed came from code, and the default is
    // better than no log.
    let filter = EnvFilter::try_new(&settings.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // Who erased what is logged whatever the filter says.
    let audit = "audit=info".parse();
    let filter = audit.map_or_else(|_| EnvFilter::new("info"), |audit| filter.add_directive(audit));
    let initialized = match spans {
        // A filter of all that there is: what it leaves out costs an atomic read.
        None => {
            tracing_subscriber::registry().with(filter).with(filter_fn(has_no_secret)).with(lines(settings)).try_init()
        }
        Some(spans) => {
            let lines = lines(settings).with_filter(filter.and(filter_fn(has_no_secret)));
            tracing_subscriber::registry().with(spans).with(lines).try_init()
        }
    };
    // Tests start several services in one process: the log of the first one serves all.
    drop(initialized);
    Ok(telemetry)
}

/// What writes the log.
fn lines<S>(settings: &LogSettings) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let writer = std::io::stderr;
    if settings.json {
        let lines = fmt::layer().json().flatten_event(true).with_current_span(true).with_span_list(false);
        Box::new(lines.with_writer(writer))
    } else {
        let colours = std::io::stderr().is_terminal();
        Box::new(fmt::layer().with_target(false).with_ansi(colours).with_writer(writer))
    }
}
