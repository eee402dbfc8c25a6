//! Metrics: what the programs count is read as text by Prometheus, sent by OTLP, and written as log
//! lines that CloudWatch reads.
//!
//! Each service has a registry of its own, so that several services in one process are not counted
//! together.

mod aws_calls;
mod emf;
mod plain;
pub(crate) mod text;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use parking_lot::Mutex;
use prometheus_client::{encoding::text as prometheus, registry::Registry};

pub use aws_calls::AwsCalls;
pub use emf::EmfWriter;
pub use plain::negotiate;

/// The format of [`Source::text`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What gives the metrics of one service as text.
pub trait Source: Send + Sync + 'static {
    /// The program that it is of, such as `offload-api`.
    fn program(&self) -> &'static str;

    /// All its metrics as OpenMetrics, brought up to date.
    fn text(&self) -> String;
}

/// The metrics of one source at one time.
#[cfg(feature = "otlp")]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Snapshot {
    pub(crate) program: &'static str,
    pub(crate) families: Vec<text::FamilyRead>,
}

/// The sources whose metrics are sent. They are kept to the end of the process, because the last
/// values are sent when their services have stopped.
static SOURCES: Mutex<Vec<Arc<dyn Source>>> = Mutex::new(Vec::new());

/// Whether metrics are sent at all.
static SENT: AtomicBool = AtomicBool::new(false);

#[cfg(feature = "otlp")]
pub(crate) fn set_sent() {
    SENT.store(true, Ordering::Relaxed);
}

/// Has the metrics of a source sent, where metrics are sent.
pub fn add_source(source: &Arc<impl Source>) {
    if SENT.load(Ordering::Relaxed) {
        SOURCES.lock().push(Arc::clone(source) as Arc<dyn Source>);
    }
}

/// The metrics of all sources now.
#[cfg(feature = "otlp")]
pub(crate) fn read_all() -> Vec<Snapshot> {
    let sources = SOURCES.lock().clone();
    sources.iter().map(|source| Snapshot { program: source.program(), families: text::read(&source.text()) }).collect()
}

/// Everything in a registry, as text.
#[must_use]
pub fn encode(registry: &Registry) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = prometheus::encode(&mut out, registry);
    out
}
