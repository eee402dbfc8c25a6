//! What identifies a request in logs: its id and its trace context.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use offload_domain::trace::TraceContext;
use offload_service::trace as spans;
use tracing::Span;
use uuid::Uuid;

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The longest id that is taken from a client.
const ID_MAX_BYTES: usize = 64;

/// Identifies a request in its response, its problem and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestId(pub(crate) String);

/// The W3C trace context that an order takes to its worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderTrace(pub(crate) TraceContext);

impl RequestId {
    /// The client's own id, if it can be logged as it is, or a new one.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let given = headers.get(X_REQUEST_ID).and_then(|v| v.to_str().ok()).filter(|id| is_id(id));
        Self(given.map_or_else(|| Uuid::new_v4().to_string(), str::to_owned))
    }

    pub(crate) fn header(&self) -> HeaderValue {
        // Checked by `is_id`, or a UUID.
        HeaderValue::from_str(&self.0).expect("a request id is visible ASCII")
    }
}

impl OrderTrace {
    /// The client's trace, if it is well formed, or the start of a new one. Where traces are sent,
    /// `span` becomes a part of it, and is what the order takes along.
    pub(crate) fn of(headers: &HeaderMap, span: &Span) -> Self {
        let given = headers.get(TRACEPARENT).and_then(|v| v.to_str().ok()).and_then(|parent| {
            // A header that is no text is malformed, and so is the whole list.
            let states = headers.get_all(TRACESTATE).iter().map(|v| v.to_str().unwrap_or("?"));
            TraceContext::read(parent, states)
        });
        if let Some(given) = &given {
            spans::set_parent(span, given);
        }
        Self(spans::of(span).or(given).unwrap_or_else(|| TraceContext::of_parent(new_traceparent())))
    }

    pub(crate) fn trace_id(&self) -> &str {
        self.0.trace_id()
    }
}

fn is_id(id: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
    (1..=ID_MAX_BYTES).contains(&id.len()) && id.bytes().all(plain)
}

fn new_traceparent() -> String {
    let (trace, span) = (Uuid::new_v4().simple().to_string(), Uuid::new_v4().simple().to_string());
    format!("00-{trace}-{}-01", &span[..16])
}

#[cfg(test)]
mod tests {
    use offload_domain::trace::is_traceparent;

    use super::*;

    fn headers(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn a_request_id_that_could_break_a_log_line_is_replaced() {
        let of = |id: &str| RequestId::of(&headers(X_REQUEST_ID, id));
        let longest = "a".repeat(64);
        for good in ["a", "A-1_b.c", &longest] {
            assert_eq!(of(good).0, good);
        }
        let long = "a".repeat(65);
        for bad in ["", "a b", "a\"b", "a=b", "a/b", &long] {
            let id = of(bad);
            assert_ne!(id.0, bad);
            assert_eq!(id.header().to_str().unwrap(), id.0);
            assert!(is_id(&id.0));
        }
    }

    #[test]
    fn a_trace_goes_on_or_begins() {
        let given = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let of = |headers: &HeaderMap| OrderTrace::of(headers, &Span::none()).0;
        let mut with_state = headers(TRACEPARENT, given);
        assert_eq!(of(&with_state), TraceContext::of_parent(given.to_owned()));
        for (state, passed) in [("b=1", Some("b=1")), ("c=2", Some("b=1,c=2")), ("\u{e9}", None)] {
            with_state.append(TRACESTATE, HeaderValue::from_bytes(state.as_bytes()).unwrap());
            assert_eq!(of(&with_state), TraceContext { parent: given.to_owned(), state: passed.map(str::to_owned) });
        }
        let mut alone = headers(TRACESTATE, "a=1");
        for headers in [HeaderMap::new(), headers(TRACEPARENT, "nonsense"), alone.clone()] {
            let new = of(&headers);
            assert!(is_traceparent(&new.parent) && new.state.is_none(), "{new:?}");
        }
        alone.insert(TRACEPARENT, HeaderValue::from_static("nonsense"));
        assert_eq!(of(&alone).state, None, "a state means nothing without its parent");
    }
}
