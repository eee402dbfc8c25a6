//! Every error that a caller can get: one exhaustive match from the error to the problem that they read.
//!
//! What a caller reads and what the log holds are two things: the problem is made of words that stand here, and the
//! cause of a failed call goes to the log alone.

use std::sync::Arc;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use offload_domain::{
    id::InvalidOrderId,
    idempotency::{KEY_MAX_BYTES, MalformedKey},
    problem::{Fault, Problem},
    status::Status,
};
use offload_stores as aws;
use offload_stores::Kind;

use crate::{edge::body::BODY_MAX_BYTES, prefer::InvalidPrefer};

/// What went wrong with a request.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    #[error("no such route")]
    NotFound,
    #[error("the route does not have this method")]
    MethodNotAllowed,
    #[error("too many requests are in service")]
    Overloaded,
    #[error("the body is too large")]
    BodyTooLarge,
    #[error("the body did not come in time")]
    BodyTimedOut,
    #[error("the body ended before its end")]
    BodyIncomplete,
    #[error("the body is not declared as JSON")]
    UnsupportedMediaType,
    /// The parser's words, which name line and column and quote nothing.
    #[error("the body is not JSON")]
    InvalidJson(String),
    #[error("the order does not fit its schema")]
    InvalidOrder(Vec<Fault>),
    #[error("the Prefer header cannot be read")]
    InvalidPrefer(#[from] InvalidPrefer),
    #[error("the Idempotency-Key header cannot be read")]
    InvalidIdempotencyKey,
    #[error("the idempotency key stands for another request")]
    IdempotencyKeyReused,
    #[error("a request with this idempotency key is in service")]
    IdempotencyKeyInUse,
    #[error("the order of the idempotency key is forgotten")]
    OrderExpired,
    #[error("not an order id")]
    InvalidOrderId,
    #[error("no order token")]
    TokenMissing,
    #[error("not the token of this order")]
    TokenInvalid,
    #[error("no such order")]
    OrderNotFound,
    #[error("not the token of any order")]
    WebSocketTokenInvalid,
    #[error("this server keeps no connections")]
    NoPush,
    #[error("too many connections are open")]
    TooManyConnections,
    #[error("not a WebSocket handshake")]
    NotAWebSocket,
    #[error("the order is already {}", .0.as_str())]
    OrderAlreadyEnded(Status),
    /// Later it will work.
    #[error("storage does not answer")]
    StorageUnavailable(#[source] aws::Error),
    /// It will not work until somebody repairs it.
    #[error("a call failed for good")]
    Internal(#[source] aws::Error),
    #[error("a handler panicked")]
    Panicked,
}

/// The stable part of a problem.
struct ProblemType {
    slug: &'static str,
    title: &'static str,
    status: StatusCode,
}

impl ApiError {
    fn problem_type(&self) -> ProblemType {
        use StatusCode as S;
        let (slug, title, status) = match self {
            Self::NotFound => ("not-found", "There is nothing here", S::NOT_FOUND),
            Self::MethodNotAllowed => ("method-not-allowed", "This cannot be done here", S::METHOD_NOT_ALLOWED),
            Self::Overloaded => ("overloaded", "Too many requests at once", S::SERVICE_UNAVAILABLE),
            Self::BodyTooLarge => ("body-too-large", "The request body is too large", S::PAYLOAD_TOO_LARGE),
            Self::BodyTimedOut => ("body-timeout", "The request body did not come in time", S::REQUEST_TIMEOUT),
            Self::BodyIncomplete => ("body-incomplete", "The request body cannot be read", S::BAD_REQUEST),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", "The request body must be JSON", S::UNSUPPORTED_MEDIA_TYPE)
            }
            Self::InvalidJson(_) => ("invalid-json", "The request body is not JSON", S::BAD_REQUEST),
            Self::InvalidOrder(_) => ("invalid-order", "The order is not valid", S::UNPROCESSABLE_ENTITY),
            Self::InvalidPrefer(_) => ("invalid-prefer", "The Prefer header cannot be read", S::BAD_REQUEST),
            Self::InvalidIdempotencyKey => {
                ("invalid-idempotency-key", "The Idempotency-Key header cannot be read", S::BAD_REQUEST)
            }
            Self::IdempotencyKeyReused => {
                ("idempotency-key-reused", "The key belongs to another request", S::UNPROCESSABLE_ENTITY)
            }
            Self::IdempotencyKeyInUse => {
                ("idempotency-key-in-use", "A request with this key is still in progress", S::CONFLICT)
            }
            Self::OrderExpired => ("order-expired", "The order of this key has been forgotten", S::GONE),
            Self::InvalidOrderId => ("invalid-order-id", "This is not the id of an order", S::BAD_REQUEST),
            Self::TokenMissing => ("token-missing", "The order token is missing", S::UNAUTHORIZED),
            Self::TokenInvalid => ("token-invalid", "The token is not for this order", S::FORBIDDEN),
            Self::OrderNotFound => ("order-not-found", "There is no such order", S::NOT_FOUND),
            Self::WebSocketTokenInvalid => ("token-invalid", "The token is not valid", S::UNAUTHORIZED),
            Self::NoPush => ("no-push", "This deployment keeps no connections open", S::NOT_IMPLEMENTED),
            Self::TooManyConnections => {
                ("too-many-connections", "Too many connections are open", S::SERVICE_UNAVAILABLE)
            }
            Self::NotAWebSocket => ("not-a-websocket", "This is only for WebSockets", S::UPGRADE_REQUIRED),
            Self::OrderAlreadyEnded(_) => ("order-already-ended", "The order has already ended", S::CONFLICT),
            Self::StorageUnavailable(_) => {
                ("storage-unavailable", "The service's storage does not answer", S::SERVICE_UNAVAILABLE)
            }
            Self::Internal(_) | Self::Panicked => {
                ("internal", "Something is wrong with the service", S::INTERNAL_SERVER_ERROR)
            }
        };
        ProblemType { slug, title, status }
    }

    fn detail(&self) -> Option<String> {
        let text = match self {
            Self::NotFound => "the routes are listed at /docs".to_owned(),
            Self::MethodNotAllowed => "the Allow header lists the methods of this route".to_owned(),
            Self::Overloaded => "nothing was done; send the request again a little later".to_owned(),
            Self::BodyTooLarge => format!("an order has at most {BODY_MAX_BYTES} bytes"),
            Self::BodyTimedOut => "the whole body must come within 10 s of its headers".to_owned(),
            Self::BodyIncomplete => "the connection or the transfer coding broke off within the body".to_owned(),
            Self::UnsupportedMediaType => {
                "send the order as it is, in UTF-8, with the header Content-Type: application/json".to_owned()
            }
            Self::InvalidJson(place) => place.clone(),
            Self::InvalidOrder(faults) => format!("{} faults; see errors", faults.len()),
            Self::InvalidPrefer(e) => e.to_string(),
            Self::InvalidIdempotencyKey => format!("{MalformedKey}; at most {KEY_MAX_BYTES} bytes, and sent once"),
            Self::IdempotencyKeyReused => {
                "this key came before with another order; use a new key for a new order".to_owned()
            }
            Self::IdempotencyKeyInUse => {
                "send the request again a little later; it will give the same order".to_owned()
            }
            Self::OrderExpired => "the order that this key gave is past its retention; use a new key".to_owned(),
            Self::InvalidOrderId => InvalidOrderId.to_string(),
            Self::TokenMissing => {
                "send the order_token of the order as Authorization: Bearer, or as the query parameter token".to_owned()
            }
            Self::TokenInvalid => "each order has its own token, given with the 202 answer".to_owned(),
            Self::OrderNotFound => "it never was, or it is past its retention".to_owned(),
            Self::WebSocketTokenInvalid => "each order has its own token, given with the 202 answer".to_owned(),
            Self::NoPush => "poll status_url instead".to_owned(),
            Self::TooManyConnections => "poll status_url meanwhile, or connect again a little later".to_owned(),
            Self::NotAWebSocket => "connect with a WebSocket client (version 13)".to_owned(),
            Self::OrderAlreadyEnded(status) => format!("the order is {}, and stays so", status.as_str()),
            Self::StorageUnavailable(_) => {
                "send the request again; an order with the same Idempotency-Key is never made twice".to_owned()
            }
            Self::Internal(_) | Self::Panicked => return None,
        };
        Some(text)
    }

    /// Seconds after which another try may succeed.
    fn retry_after(&self) -> Option<&'static str> {
        match self {
            Self::Overloaded | Self::IdempotencyKeyInUse => Some("1"),
            Self::TooManyConnections => Some("10"),
            Self::StorageUnavailable(_) => Some("2"),
            _ => None,
        }
    }

    /// The call that failed, for the log and the metrics.
    pub(crate) fn cause(&self) -> Option<&aws::Error> {
        match self {
            Self::StorageUnavailable(e) | Self::Internal(e) => Some(e),
            _ => None,
        }
    }

    /// What the caller of request `request_id` reads.
    pub(crate) fn problem(&self, request_id: &str) -> Problem {
        let ProblemType { slug, title, status } = self.problem_type();
        let mut problem = Problem::new(slug, title, status.as_u16());
        problem.detail = self.detail();
        problem.request_id = Some(request_id.to_owned());
        match self {
            Self::InvalidOrder(faults) => problem.errors(faults.clone()),
            _ => problem,
        }
    }
}

impl From<aws::Error> for ApiError {
    fn from(e: aws::Error) -> Self {
        match e.kind {
            // What is left of conflicts up here are lost races, which another try may win.
            Kind::Throttled | Kind::Unavailable | Kind::Conflict => Self::StorageUnavailable(e),
            Kind::NotFound | Kind::Denied | Kind::Invalid => Self::Internal(e),
        }
    }
}

/// Status and headers; the body is written at the edge, where the request's id is known.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.problem_type().status.into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        match self {
            Self::TokenMissing | Self::WebSocketTokenInvalid => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::UnsupportedMediaType => {
                headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
            }
            _ => {}
        }
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware::from_fn_with_state, routing::get};

    use super::*;
    use crate::{edge::frame::frame, testing};

    /// One of each.
    fn all() -> Vec<(ApiError, u16, &'static str)> {
        let call = |kind| aws::Error::new(kind, "s3.PutObject", "secret cause");
        vec![
            (ApiError::NotFound, 404, "not-found"),
            (ApiError::MethodNotAllowed, 405, "method-not-allowed"),
            (ApiError::Overloaded, 503, "overloaded"),
            (ApiError::BodyTooLarge, 413, "body-too-large"),
            (ApiError::BodyTimedOut, 408, "body-timeout"),
            (ApiError::BodyIncomplete, 400, "body-incomplete"),
            (ApiError::UnsupportedMediaType, 415, "unsupported-media-type"),
            (ApiError::InvalidJson("at line 1 column 2".into()), 400, "invalid-json"),
            (ApiError::InvalidOrder(vec![Fault { pointer: "/kind".into(), detail: "x".into() }]), 422, "invalid-order"),
            (ApiError::InvalidPrefer(InvalidPrefer), 400, "invalid-prefer"),
            (ApiError::InvalidIdempotencyKey, 400, "invalid-idempotency-key"),
            (ApiError::IdempotencyKeyReused, 422, "idempotency-key-reused"),
            (ApiError::IdempotencyKeyInUse, 409, "idempotency-key-in-use"),
            (ApiError::OrderExpired, 410, "order-expired"),
            (ApiError::InvalidOrderId, 400, "invalid-order-id"),
            (ApiError::TokenMissing, 401, "token-missing"),
            (ApiError::TokenInvalid, 403, "token-invalid"),
            (ApiError::OrderNotFound, 404, "order-not-found"),
            (ApiError::OrderAlreadyEnded(Status::Completed), 409, "order-already-ended"),
            (call(Kind::Unavailable).into(), 503, "storage-unavailable"),
            (call(Kind::Throttled).into(), 503, "storage-unavailable"),
            (call(Kind::Conflict).into(), 503, "storage-unavailable"),
            (call(Kind::Denied).into(), 500, "internal"),
            (call(Kind::NotFound).into(), 500, "internal"),
            (call(Kind::Invalid).into(), 500, "internal"),
            (ApiError::Panicked, 500, "internal"),
        ]
    }

    #[tokio::test]
    async fn every_error_reaches_its_caller_as_its_problem_and_without_its_cause() {
        let service = testing::service(&[]).await;
        for (error, status, slug) in all() {
            let name = format!("{error:?}");
            let (transient, error) = (error.retry_after().is_some(), std::sync::Mutex::new(Some(error)));
            let error = Arc::new(error);
            let fail = move || {
                let error = error.lock().unwrap().take().unwrap();
                async { error }
            };
            let frame = from_fn_with_state(Arc::clone(&service), frame);
            let router = Router::new().route("/fail", get(fail)).layer(frame);
            let request = testing::request("GET", "/fail", &[("x-request-id", "r-1")], "");
            let answer = testing::call(&router, request).await;
            assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (status, slug), "{name}");
            assert_eq!(answer.header("x-request-id"), Some("r-1"), "{name}");
            assert_eq!(answer.header("retry-after").is_some(), transient, "{name}");
            assert!(!answer.body.contains("secret") && !answer.body.contains("PutObject"), "{}", answer.body);
        }
    }
}
