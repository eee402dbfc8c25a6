//! The outermost layer: gives a request its id, its answer the common headers and a problem its
//! body, and writes the one log line and the metrics.

use std::{sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
};

use offload_domain::json::to_json;
use offload_service::{clock, trace, trace_span};
use tracing::{Instrument as _, Span, field::Empty};

use super::identity::{OrderTrace, RequestId, X_REQUEST_ID};
use crate::{response::error::ApiError, service::Service};

const NO_SNIFF: HeaderName = HeaderName::from_static("x-content-type-options");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// What nginx logs for a client that went away before its answer.
const CLIENT_GONE: u16 = 499;

/// Written when it is dropped, so that a request whose client went away is logged too.
struct LogEntry {
    service: Arc<Service>,
    started: Instant,
    method: &'static str,
    route: String,
    request_id: RequestId,
    trace: OrderTrace,
    span: Span,
    /// `None` until there is an answer.
    status: Option<StatusCode>,
}

pub(crate) async fn access_log(
    service: Arc<Service>,
    mut request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let request_id = RequestId::of(request.headers());
    // The pattern and not the path: each id would make a time series of its own.
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = method_label(request.method());
    let span = server_span(method, &route, request.uri().path(), &request_id);
    let trace = OrderTrace::of(request.headers(), &span);
    let mut entry = LogEntry {
        service,
        started: Instant::now(),
        method,
        route,
        request_id: request_id.clone(),
        trace: trace.clone(),
        span: span.clone(),
        status: None,
    };
    request.extensions_mut().insert(trace);
    let mut response = next(request).instrument(span).await;
    if let Some(error) = response.extensions_mut().remove::<Arc<ApiError>>() {
        record_cause(&entry, &error);
        write_problem(&mut response, &error, &request_id);
    }
    let headers = response.headers_mut();
    headers.insert(X_REQUEST_ID, request_id.header());
    headers.insert(NO_SNIFF, HeaderValue::from_static("nosniff"));
    if let Some(date) = date() {
        headers.insert(header::DATE, date);
    }
    entry.status = Some(response.status());
    response
}

/// Load balancers and monitoring send these every few seconds.
fn is_probe(route: &str) -> bool {
    matches!(route, "/healthz" | "/readyz" | "/metrics")
}

/// The span of a request; probes have none. Without the query, which may hold a token.
/// <https://opentelemetry.io/docs/specs/semconv/http/http-spans/>
fn server_span(method: &'static str, route: &str, path: &str, request_id: &RequestId) -> Span {
    if is_probe(route) {
        return Span::none();
    }
    trace_span!(
        "request",
        otel.name = format_args!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        error.type = Empty,
        http.request.method = method,
        http.route = route,
        http.response.status_code = Empty,
        url.path = path,
        url.scheme = "http",
        request.id = request_id.0,
    )
}

/// The time, where it is not the system's, by which the server would write its own `Date`: clients
/// correct their clocks by it.
fn date() -> Option<HeaderValue> {
    if clock::offset().is_zero() {
        return None;
    }
    HeaderValue::try_from(clock::now().format("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}

/// Counts and logs why a request failed: the one place where that is logged.
fn record_cause(entry: &LogEntry, error: &ApiError) {
    let request_id = &entry.request_id.0;
    match (error, error.cause()) {
        (_, Some(cause)) => {
            entry.service.metrics.aws_error(cause);
            let (kind, operation, source) = (cause.kind.as_str(), cause.operation, &cause.source);
            if cause.is_transient() {
                tracing::warn!(request.id = request_id, error.kind = kind, aws.operation = operation, error.cause = %source, "{error}");
            } else {
                tracing::error!(request.id = request_id, error.kind = kind, aws.operation = operation, error.cause = %source, "{error}");
            }
        }
        (ApiError::Panicked, None) => tracing::error!(request.id = request_id, "{error}"),
        _ => {}
    }
}

fn write_problem(response: &mut Response, error: &ApiError, request_id: &RequestId) {
    response.headers_mut().insert(header::CONTENT_TYPE, PROBLEM_JSON);
    response.headers_mut().remove(header::CONTENT_LENGTH);
    *response.body_mut() = Body::from(to_json(&error.problem(&request_id.0)));
}

/// Clients choose the method, any token: only the standard ones become labels.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        _ => "other",
    }
}

impl Drop for LogEntry {
    fn drop(&mut self) {
        let (status, elapsed) = (self.status.map_or(CLIENT_GONE, |s| s.as_u16()), self.started.elapsed());
        self.service.metrics.request(self.method, &self.route, status, elapsed);
        let ms = elapsed.as_millis();
        let (method, route, request_id, trace_id) =
            (self.method, self.route.as_str(), self.request_id.0.as_str(), self.trace.trace_id());
        self.span.record("http.response.status_code", i64::from(status));
        if status >= 500 {
            trace::failed(&self.span, &status.to_string());
        }
        if is_probe(route) {
            tracing::debug!(
                http.method = method,
                http.route = route,
                http.status = status,
                duration.ms = ms,
                request.id = request_id,
                trace.id = trace_id,
                "request"
            );
        } else {
            tracing::info!(
                http.method = method,
                http.route = route,
                http.status = status,
                duration.ms = ms,
                request.id = request_id,
                trace.id = trace_id,
                "request"
            );
        }
    }
}
