//! Spans of traces, in the conventions of OpenTelemetry.
//!
//! Where no traces are sent, a span costs the read of a flag, and all that is left of a trace is
//! the context that an order takes along.
//! <https://opentelemetry.io/docs/specs/semconv/>

use std::sync::atomic::{AtomicBool, Ordering};

use tracing::Span;

/// The target of spans of traces, which keeps them out of the log.
pub const TARGET: &str = "otel";

static ON: AtomicBool = AtomicBool::new(false);

/// Makes a span of a trace; none where no traces are sent. The fields are those of
/// `tracing::info_span!`, and `otel.name` and `otel.kind` among them name it.
#[macro_export]
macro_rules! trace_span {
    ($name:literal, $($fields:tt)*) => {
        if $crate::trace::is_on() {
            ::tracing::info_span!(target: "otel", $name, $($fields)*)
        } else {
            ::tracing::Span::none()
        }
    };
}

/// The same within a trace, and none outside: the calls of what runs in the background would each
/// be a trace of its own.
#[macro_export]
macro_rules! trace_call {
    ($name:literal, $($fields:tt)*) => {
        if $crate::trace::is_on() && $crate::trace::current().is_some() {
            ::tracing::info_span!(target: "otel", $name, $($fields)*)
        } else {
            ::tracing::Span::none()
        }
    };
}

/// Whether traces are sent.
#[must_use]
pub fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

#[cfg(feature = "otlp")]
pub(crate) fn set_on() {
    ON.store(true, Ordering::Relaxed);
}

/// Marks a span as failed, with the kind of the error.
pub fn failed(span: &Span, kind: &str) {
    span.record("otel.status_code", "ERROR");
    span.record("error.type", kind);
}

#[cfg(feature = "otlp")]
pub use with_otlp::{current, link, of, set_parent};
#[cfg(not(feature = "otlp"))]
pub use without_otlp::{current, link, of, set_parent};

#[cfg(feature = "otlp")]
mod with_otlp {
    use offload_domain::trace::TraceContext;
    use opentelemetry::{
        Context,
        trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
    };
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    /// The context of the span that is current, if one is.
    #[must_use]
    pub fn current() -> Option<TraceContext> {
        if !super::is_on() {
            return None;
        }
        written(Context::current().span().span_context())
    }

    /// The context of a span; `None` for none.
    #[must_use]
    pub fn of(span: &Span) -> Option<TraceContext> {
        if span.is_none() {
            return None;
        }
        written(span.context().span().span_context())
    }

    /// Makes a span that has not begun a child of the span with this context.
    pub fn set_parent(span: &Span, context: &TraceContext) {
        if !span.is_none()
            && let Some(parent) = read(context)
        {
            // An error says that there is nothing to be sent.
            let _ = span.set_parent(Context::new().with_remote_span_context(parent));
        }
    }

    /// Links a span to the span with this context: one came after the other, by another message.
    pub fn link(span: &Span, context: &TraceContext) {
        if !span.is_none()
            && let Some(linked) = read(context)
        {
            span.add_link(linked);
        }
    }

    fn written(context: &SpanContext) -> Option<TraceContext> {
        let sampled = u8::from(context.is_sampled());
        context.is_valid().then(|| TraceContext {
            parent: format!("00-{}-{}-{sampled:02x}", context.trace_id(), context.span_id()),
            // What the client sent: a child keeps that of its parent.
            state: Some(context.trace_state().header()).filter(|state| !state.is_empty()),
        })
    }

    fn read(context: &TraceContext) -> Option<SpanContext> {
        let known = offload_domain::trace::read_traceparent(&context.parent)?;
        let mut parts = known.split('-').skip(1);
        let trace = TraceId::from_hex(parts.next()?).ok()?;
        let span = SpanId::from_hex(parts.next()?).ok()?;
        let flags = u8::from_str_radix(parts.next()?, 16).ok()?;
        let state = context.state.as_deref().and_then(|state| state.parse::<TraceState>().ok()).unwrap_or_default();
        Some(SpanContext::new(trace, span, TraceFlags::new(flags), true, state))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_context_is_written_as_it_was_read() {
            let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
            for state in [None, Some("shop=1,fw529a3039@dt=b:2")] {
                let context = TraceContext::read(parent, state).unwrap();
                assert_eq!(written(&read(&context).unwrap()), Some(context));
            }
        }
    }
}

#[cfg(not(feature = "otlp"))]
mod without_otlp {
    use offload_domain::trace::TraceContext;
    use tracing::Span;

    /// The context of the span that is current: there is none in this build.
    #[must_use]
    pub fn current() -> Option<TraceContext> {
        None
    }

    /// The context of a span: there is none in this build.
    #[must_use]
    pub fn of(_: &Span) -> Option<TraceContext> {
        None
    }

    /// Makes a span a child of another one: does nothing in this build.
    pub fn set_parent(_: &Span, _: &TraceContext) {}

    /// Links a span to another one: does nothing in this build.
    pub fn link(_: &Span, _: &TraceContext) {}
}
