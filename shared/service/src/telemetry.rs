//! Logs. A line is readable alone, lowercase, without a final period, and its fields are dotted. It
//! never contains a body, a token or a presigned URL.

use std::io::IsTerminal as _;

use tracing::{Level, Metadata};
use tracing_subscriber::{EnvFilter, filter::filter_fn, fmt, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::LogSettings;

/// Whether a line may be written, whatever the filter says: libraries log the bodies of requests
/// and answers at the level of traces, and the embedded S3's also signed URLs at that of debugging.
fn has_no_secret(line: &Metadata<'_>) -> bool {
    let most = match line.target() {
        own if own.starts_with("offload") || own == "audit" => Level::TRACE,
        s3s if s3s.starts_with("s3s") => Level::INFO,
        _ => Level::DEBUG,
    };
    *line.level() <= most
}

/// Sends this process's log to standard error. A second call does nothing.
pub fn init(settings: &LogSettings) {
    // The setting was checked. A filter that cannot be parsed came from code, and the default is
    // better than no log.
    let filter = EnvFilter::try_new(&settings.filter).unwrap_or_else(|_| EnvFilter::new("info"));
    // Who erased what is logged whatever the filter says.
    let audit = "audit=info".parse();
    let filter = audit.map_or_else(|_| EnvFilter::new("info"), |audit| filter.add_directive(audit));
    let registry = tracing_subscriber::registry().with(filter).with(filter_fn(has_no_secret));
    let writer = std::io::stderr;
    let initialized = if settings.json {
        registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_current_span(true)
                    .with_span_list(false)
                    .with_writer(writer),
            )
            .try_init()
    } else {
        let colours = std::io::stderr().is_terminal();
        registry.with(fmt::layer().with_target(false).with_ansi(colours).with_writer(writer)).try_init()
    };
    // Tests start several services in one process: the log of the first one serves all.
    drop(initialized);
}
