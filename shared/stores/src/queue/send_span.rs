//! The span of a send, whose context the messages carry: what is done with them becomes part of the
//! same trace.
//! <https://opentelemetry.io/docs/specs/semconv/messaging/sqs/>

use std::borrow::Cow;

use offload_domain::trace::TraceContext;
use offload_service::{trace, trace_span};
use tracing::{Instrument as _, Span};

/// The span of a send.
#[derive(Debug)]
pub(super) struct SendSpan<'a> {
    span: Span,
    trace: Option<Cow<'a, TraceContext>>,
}

impl<'a> SendSpan<'a> {
    /// For so many messages to a queue: a child of what is current, or else of `given`, which
    /// is what the messages carry where no traces are sent.
    pub(super) fn new(queue: &str, messages: usize, given: Option<&'a TraceContext>) -> Self {
        let span = trace_span!(
            "send",
            otel.name = format_args!("send {queue}"),
            otel.kind = "producer",
            otel.status_code = tracing::field::Empty,
            error.type = tracing::field::Empty,
            messaging.system = "aws_sqs",
            messaging.operation.name = "send",
            messaging.operation.type = "send",
            messaging.destination.name = queue,
            messaging.batch.message_count = (messages > 1).then_some(messages as i64),
        );
        if let Some(given) = given.filter(|_| trace::is_on() && trace::current().is_none()) {
            trace::set_parent(&span, given);
        }
        let own = trace::of(&span).map(Cow::Owned);
        Self { span, trace: own.or(given.map(Cow::Borrowed)) }
    }

    /// What the messages carry.
    pub(super) fn trace(&self) -> Option<&TraceContext> {
        self.trace.as_deref()
    }

    /// Runs the send within the span.
    pub(super) fn around<F: Future>(&self, sending: F) -> tracing::instrument::Instrumented<F> {
        sending.instrument(self.span.clone())
    }
}
