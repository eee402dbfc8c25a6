//! HTTP requests and responses, for every service of the stack.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;

use crate::calls::Description;
use crate::clock::{Clock, Millis};
use crate::faults::FaultStatus;

/// Any error, boxed.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// The body of a response.
pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// How long a client may take to send a body: many times as long as 64 MiB take over loopback.
pub(crate) const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// The client's address, for `aws:SourceIp`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// The service's time where it checks a signature: the wall clock, or one that a fault has shifted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServiceTime(pub(crate) Millis);

/// The service's time at a request.
pub(crate) fn service_time(head: &Parts) -> Millis {
    head.extensions.get::<ServiceTime>().map_or_else(Clock::wall, |time| time.0)
}

/// One service behind a listener.
#[async_trait::async_trait]
pub(crate) trait Handler: Send + Sync + 'static {
    /// The name of the requested operation, from the head alone.
    fn operation(&self, head: &Parts) -> &'static str;

    /// What a request is about, for the recording of calls, by its head and its body. The body is
    /// empty as long as it has not been read.
    fn describe(&self, head: &Parts, body: &[u8]) -> Description;

    /// An injected error in the service's own format.
    async fn injected_error(&self, head: &Parts, status: FaultStatus) -> Response<Body>;

    /// Carries out a request.
    async fn respond(&self, request: Request<Incoming>) -> Response<Body>;
}

/// Why a request's body could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge,
    /// The client stopped sending, or took longer than [`BODY_TIMEOUT`].
    Incomplete,
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn collect(body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    let collected = tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect())
        .await
        .map_err(|_| BodyError::Incomplete)?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Incomplete),
    }
}

/// A response with a body in memory.
pub(crate) fn response(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A body in memory.
pub(crate) fn full(body: impl Into<Bytes>) -> Body {
    Full::new(body.into()).map_err(|never| match never {}).boxed_unsync()
}

/// No body.
pub(crate) fn empty() -> Body {
    full(Bytes::new())
}

/// A header's value, if it is text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Sets a header, unless the value is not valid in a header.
pub(crate) fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// A request id, as in every response of AWS.
pub(crate) fn request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
