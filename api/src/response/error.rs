//! Every error that a caller can get: one exhaustive match from the error to the type of its
//! problem.
//!
//! What a caller reads and what the log holds are two things: the problem is made of the words of
//! this file, and the cause of a failed call goes to the log alone.

use std::sync::Arc;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use offload_domain::{
    caller::Role,
    id::InvalidOrderId,
    idempotency::{KEY_MAX_BYTES, MalformedKey},
    payload::NotAnOrder,
    problem::{Problem, ProblemType, Violation},
    status::Status,
};
use offload_lifecycle::accept::{NotAccepted, Refusal};
use offload_stores::{Error as StoreError, Kind};

use crate::{
    limits::{LimitReached, insert_fields},
    request::prefer::InvalidPrefer,
};

/// What went wrong with a request.
#[derive(Debug, thiserror::Error)]
#[cfg_attr(test, derive(strum::EnumDiscriminants), strum_discriminants(name(Variant), derive(strum::EnumIter)))]
pub(crate) enum ApiError {
    #[error("no such route")]
    NotFound,
    #[error("the route does not have this method")]
    MethodNotAllowed,
    /// Of one address, or of one tenant.
    #[error("too many {}", .0.what)]
    TooManyRequests(LimitReached),
    #[error("too many requests are in service")]
    Overloaded,
    #[error("the request does not name one host")]
    InvalidHost,
    #[error("the request names another host")]
    WrongHost,
    #[error("the body is larger than {max_bytes} bytes")]
    BodyTooLarge { max_bytes: usize },
    #[error("the body did not arrive in time")]
    BodyTimeout,
    #[error("the body broke off")]
    BodyIncomplete,
    #[error("the body is not declared as JSON")]
    UnsupportedMediaType,
    /// The parser's words, which name line and column and quote nothing.
    #[error("the body is not JSON")]
    InvalidJson(String),
    #[error("the order violates its schema")]
    InvalidOrder(Vec<Violation>),
    #[error("the body is no batch of orders")]
    InvalidBatch(String),
    #[error("the Prefer header is not valid")]
    InvalidPrefer(#[from] InvalidPrefer),
    #[error("the query is not valid")]
    InvalidQuery,
    #[cfg_attr(not(feature = "console"), allow(dead_code, reason = "the console's routes alone name a member"))]
    #[error("a member of the query is not valid")]
    InvalidQueryMember(String),
    #[error("the filter is not valid")]
    InvalidFilter(#[from] offload_domain::order_query::InvalidQuery),
    #[error("the Idempotency-Key header is not valid")]
    InvalidIdempotencyKey,
    #[error("the idempotency key belongs to another request")]
    IdempotencyKeyReused,
    #[error("a request with this idempotency key is in progress")]
    IdempotencyKeyInUse,
    #[error("the order of the idempotency key has expired")]
    OrderExpired,
    #[error("not an order id")]
    InvalidOrderId,
    #[error("the request has no credentials")]
    CredentialsMissing,
    #[error("the credentials are not valid: {0}")]
    CredentialsInvalid(&'static str),
    #[error("the caller lacks the role {}", .0.as_str())]
    RoleMissing(Role),
    #[error("callers cannot be checked: {0}")]
    CallersUnavailable(&'static str),
    #[error("no order token")]
    TokenMissing,
    #[error("not a token of this order")]
    TokenInvalid,
    #[error("an order token that has expired")]
    TokenExpired,
    #[error("an order token that can only read")]
    TokenReadOnly,
    #[error("a request to erase that does not say so")]
    EraseNotAskedFor,
    #[error("a page of another site sends this")]
    CrossSite,
    #[error("no such order")]
    OrderNotFound,
    #[error("the order is already {}", .0.as_str())]
    OrderAlreadyEnded(Status),
    #[error("the order is {}", .0.as_str())]
    OrderNotFailed(Status),
    #[error("the bulk action is not valid")]
    InvalidAction(String),
    #[error("no such action")]
    ActionNotFound,
    /// The number that was stated, if one was, and the number that there are.
    #[error("the number of orders is not the one that was stated")]
    ActionCountDiffers(Option<usize>, usize),
    #[error("a function begins no bulk action")]
    NoActions,
    #[error("the order has no webhook")]
    NoWebhook,
    #[error("there is no log of the work")]
    NoLog,
    #[error("this deployment has no push")]
    NoPush,
    #[error("the order has too many subscribers")]
    TooManySubscribers,
    #[error("too many connections are open")]
    TooManyConnections,
    #[error("a WebSocket of a page of another origin")]
    OriginNotAllowed,
    #[error("not a WebSocket handshake")]
    NotAWebSocket,
    /// A retry may succeed.
    #[error("a store is unavailable")]
    StorageUnavailable(#[source] StoreError),
    /// An order was not accepted, because a store is unavailable.
    #[error("a store is unavailable")]
    OrderNotAccepted(#[source] StoreError, Refusal),
    /// No retry will succeed until somebody repairs it.
    #[error("a call failed for good")]
    Internal(#[source] StoreError),
    #[error("a handler panicked")]
    Panicked,
}

/// Seconds after which a retry may succeed: the value of `Retry-After`.
pub(crate) fn retry_after(problem_type: ProblemType) -> Option<&'static str> {
    match problem_type {
        ProblemType::TooManyRequests | ProblemType::Overloaded | ProblemType::IdempotencyKeyInUse => Some("1"),
        ProblemType::StorageUnavailable | ProblemType::CallersUnavailable => Some("2"),
        ProblemType::TooManySubscribers | ProblemType::TooManyConnections => Some("10"),
        _ => None,
    }
}

impl ApiError {
    fn problem_type(&self) -> ProblemType {
        match self {
            Self::NotFound => ProblemType::NotFound,
            Self::MethodNotAllowed => ProblemType::MethodNotAllowed,
            Self::TooManyRequests(_) => ProblemType::TooManyRequests,
            Self::Overloaded => ProblemType::Overloaded,
            Self::InvalidHost => ProblemType::InvalidHost,
            Self::WrongHost => ProblemType::WrongHost,
            Self::BodyTooLarge { .. } => ProblemType::BodyTooLarge,
            Self::BodyTimeout => ProblemType::BodyTimeout,
            Self::BodyIncomplete => ProblemType::BodyIncomplete,
            Self::UnsupportedMediaType => ProblemType::UnsupportedMediaType,
            Self::InvalidJson(_) => ProblemType::InvalidJson,
            Self::InvalidOrder(_) => ProblemType::InvalidOrder,
            Self::InvalidBatch(_) => ProblemType::InvalidBatch,
            Self::InvalidPrefer(_) => ProblemType::InvalidPrefer,
            Self::InvalidQuery | Self::InvalidQueryMember(_) => ProblemType::InvalidQuery,
            Self::InvalidFilter(_) => ProblemType::InvalidFilter,
            Self::InvalidIdempotencyKey => ProblemType::InvalidIdempotencyKey,
            Self::IdempotencyKeyReused => ProblemType::IdempotencyKeyReused,
            Self::IdempotencyKeyInUse => ProblemType::IdempotencyKeyInUse,
            Self::OrderExpired => ProblemType::OrderExpired,
            Self::InvalidOrderId => ProblemType::InvalidOrderId,
            Self::CredentialsMissing => ProblemType::CredentialsMissing,
            Self::CredentialsInvalid(_) => ProblemType::CredentialsInvalid,
            Self::RoleMissing(_) => ProblemType::RoleMissing,
            Self::CallersUnavailable(_) => ProblemType::CallersUnavailable,
            Self::TokenMissing => ProblemType::TokenMissing,
            Self::TokenInvalid => ProblemType::TokenInvalid,
            Self::TokenExpired => ProblemType::TokenExpired,
            Self::TokenReadOnly => ProblemType::TokenReadOnly,
            Self::EraseNotAskedFor => ProblemType::EraseNotAskedFor,
            Self::CrossSite => ProblemType::CrossSite,
            Self::OrderNotFound => ProblemType::OrderNotFound,
            Self::OrderAlreadyEnded(_) => ProblemType::OrderAlreadyEnded,
            Self::OrderNotFailed(_) => ProblemType::OrderNotFailed,
            Self::InvalidAction(_) => ProblemType::InvalidAction,
            Self::ActionNotFound => ProblemType::ActionNotFound,
            Self::ActionCountDiffers(..) => ProblemType::ActionCountDiffers,
            Self::NoActions => ProblemType::NoActions,
            Self::NoWebhook => ProblemType::NoWebhook,
            Self::NoLog => ProblemType::NoLog,
            Self::NoPush => ProblemType::NoPush,
            Self::TooManySubscribers => ProblemType::TooManySubscribers,
            Self::TooManyConnections => ProblemType::TooManyConnections,
            Self::OriginNotAllowed => ProblemType::OriginNotAllowed,
            Self::NotAWebSocket => ProblemType::NotAWebSocket,
            Self::StorageUnavailable(_) | Self::OrderNotAccepted(..) => ProblemType::StorageUnavailable,
            Self::Internal(_) | Self::Panicked => ProblemType::Internal,
        }
    }

    fn detail(&self) -> Option<String> {
        let text = match self {
            Self::InvalidQuery => {
                "give each member once, but for label, and only values that the documentation of the route allows"
            }
            Self::InvalidFilter(e) => return Some(e.to_string()),
            Self::CrossSite => "operators' routes answer the console's own pages, and programs that are no browser",
            Self::OrderNotFailed(status) => {
                return Some(format!("the order is {}; only a failed one can be redriven or purged", status.as_str()));
            }
            Self::InvalidQueryMember(why) | Self::InvalidAction(why) => return Some(why.clone()),
            Self::ActionNotFound => "it never existed, or it is older than thirty days",
            Self::ActionCountDiffers(None, now) => {
                return Some(format!("nothing was done: state that it is {now} orders, as the member count"));
            }
            Self::ActionCountDiffers(Some(stated), now) => {
                return Some(format!("nothing was done: {stated} orders were stated, and it is {now} now"));
            }
            Self::NoActions => {
                "nothing was done: the api is a function, which ends with its answer; a dry run works here, and offload \
                 actions start acts from anywhere with AWS credentials"
            }
            Self::NotFound => "the routes are listed at /docs",
            Self::MethodNotAllowed => "the Allow header lists the methods of this route",
            Self::TooManyRequests(reached) => {
                let LimitReached { what, retry_after, .. } = reached;
                return Some(format!("nothing was done: too many {what}; retry after {retry_after} s"));
            }
            Self::Overloaded => "nothing was done; send the request again a little later",
            Self::InvalidHost => "send exactly one Host header, with a host and nothing else but its port",
            Self::WrongHost => "call the service by a host that it has; operators name them in OFFLOAD_HOSTS",
            Self::BodyTooLarge { max_bytes } => return Some(format!("it has at most {max_bytes} bytes")),
            Self::BodyTimeout => "the whole body must arrive within 10 s of its headers",
            Self::BodyIncomplete => "the connection or the transfer coding broke off within the body",
            Self::UnsupportedMediaType => {
                "send the order uncompressed, in UTF-8, with the header Content-Type: application/json; a batch may also \
                 be JSON lines, application/x-ndjson or application/jsonl"
            }
            Self::InvalidBatch(why) => return Some(why.clone()),
            Self::InvalidJson(place) => return Some(place.clone()),
            Self::InvalidOrder(violations) => {
                return Some(format!("the order violates its schema {} times; see errors", violations.len()));
            }
            Self::InvalidPrefer(e) => return Some(e.to_string()),
            Self::InvalidIdempotencyKey => {
                return Some(format!("{MalformedKey}; at most {KEY_MAX_BYTES} bytes, and sent once"));
            }
            Self::IdempotencyKeyReused => "this key was sent before with another order; use a new key for a new order",
            Self::IdempotencyKeyInUse => "send the request again a little later; it will get the same order",
            Self::OrderExpired => "the order that this key gave is past its retention; use a new key",
            Self::InvalidOrderId => return Some(InvalidOrderId.to_string()),
            Self::CredentialsMissing => "send an API key or a JSON Web Token as Authorization: Bearer",
            Self::CredentialsInvalid(why) => why,
            Self::RoleMissing(role) => return Some(format!("this needs the role {}", role.as_str())),
            Self::CallersUnavailable(why) => why,
            Self::TokenMissing => {
                "send the order_token of the order as Offload-Token or Authorization: Bearer, or its read_token as the \
                 query parameter token"
            }
            Self::TokenInvalid => "each order has a token of its own: the order_token of the 202 answer",
            Self::TokenExpired => "send the order again with its Idempotency-Key for new ones, or ask as a caller",
            Self::TokenReadOnly => "this needs the order_token of the order; its read_token can only read",
            Self::EraseNotAskedFor => "add the query erase=true; there is no way back",
            Self::OrderNotFound => "it never existed, or it is past its retention",
            Self::OrderAlreadyEnded(status) => {
                return Some(format!("the order is {}, which is final", status.as_str()));
            }
            Self::NoWebhook => "the order names none, or this deployment calls none",
            Self::NoLog => "the attempt has not ended, has logged nothing, or its log has expired or was dropped",
            Self::NoPush => "poll status_url instead",
            Self::TooManySubscribers => "poll status_url instead, or end another subscription to the order",
            Self::TooManyConnections => "poll status_url meanwhile, or connect again a little later",
            Self::OriginNotAllowed => "operators name the origins of pages in OFFLOAD_CORS_ORIGINS",
            Self::NotAWebSocket => "connect with a WebSocket client (version 13)",
            Self::StorageUnavailable(_) | Self::OrderNotAccepted(_, Refusal::AskAgain) => {
                "send the request again; an order with the same Idempotency-Key is never created twice"
            }
            Self::OrderNotAccepted(_, Refusal::TakenBack) => {
                "the order was taken back, and nothing is done for it; send the request again"
            }
            Self::OrderNotAccepted(_, Refusal::Unknown) => {
                "the order may be worked on all the same; with an Idempotency-Key it could be sent again safely"
            }
            Self::Internal(_) | Self::Panicked => return None,
        };
        Some(text.to_owned())
    }

    /// The call that failed, for the log and the metrics.
    pub(crate) fn cause(&self) -> Option<&StoreError> {
        match self {
            Self::StorageUnavailable(e) | Self::OrderNotAccepted(e, _) | Self::Internal(e) => Some(e),
            _ => None,
        }
    }

    /// What the caller of request `request_id` reads.
    pub(crate) fn problem(&self, request_id: &str) -> Problem {
        Problem { request_id: Some(request_id.to_owned()), ..self.of_batch() }
    }

    /// The same for one order of a batch, whose answer has the request's id.
    pub(crate) fn of_batch(&self) -> Problem {
        let problem = Problem { detail: self.detail(), ..Problem::new(self.problem_type()) };
        match self {
            Self::InvalidOrder(violations) => problem.errors(violations.clone()),
            Self::InvalidFilter(e) => {
                problem.errors(vec![Violation { pointer: "/q".to_owned(), detail: e.to_string() }])
            }
            _ => problem,
        }
    }
}

impl From<NotAccepted> for ApiError {
    fn from(e: NotAccepted) -> Self {
        match Self::from(e.error) {
            Self::StorageUnavailable(error) => Self::OrderNotAccepted(error, e.outcome),
            other => other,
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(e: StoreError) -> Self {
        match e.kind {
            // A conflict that gets here is a lost race, which a retry may win.
            Kind::Throttled | Kind::Unavailable | Kind::Conflict => Self::StorageUnavailable(e),
            Kind::NotFound | Kind::Denied | Kind::Invalid => Self::Internal(e),
        }
    }
}

impl From<NotAnOrder> for ApiError {
    fn from(e: NotAnOrder) -> Self {
        match e {
            NotAnOrder::Syntax(place) => Self::InvalidJson(place),
            NotAnOrder::Invalid(violations) => Self::InvalidOrder(violations),
        }
    }
}

/// Status and headers; the body is written at the edge, where the request's id is known.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem_type = self.problem_type();
        let status = StatusCode::from_u16(problem_type.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = retry_after(problem_type) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        match &self {
            Self::TooManyRequests(reached) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(reached.retry_after));
                if let Some(fields) = &reached.fields {
                    insert_fields(headers, fields.clone());
                }
            }
            Self::TokenMissing | Self::CredentialsMissing => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::CredentialsInvalid(_) => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(r#"Bearer error="invalid_token""#));
            }
            Self::RoleMissing(role) => {
                let challenge = format!(r#"Bearer error="insufficient_scope", scope="{}""#, role.as_str());
                let challenge = HeaderValue::try_from(challenge);
                headers.insert(header::WWW_AUTHENTICATE, challenge.expect("a role is a word"));
            }
            // RFC 9110 §7.8 and RFC 6455 §4.4: what a client needs to know to do better.
            Self::NotAWebSocket => {
                headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
                headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
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
    use std::sync::Mutex;

    use axum::{Router, routing::get};
    use strum::IntoEnumIterator;

    use super::*;
    use crate::{edge, testing};

    fn store_error(kind: Kind) -> StoreError {
        StoreError::new(kind, "s3.PutObject", "secret cause")
    }

    /// One of each variant: a new one does not compile until it has an example here, by which it is
    /// tested.
    fn example(variant: Variant) -> ApiError {
        match variant {
            Variant::NotFound => ApiError::NotFound,
            Variant::MethodNotAllowed => ApiError::MethodNotAllowed,
            Variant::TooManyRequests => ApiError::TooManyRequests(LimitReached {
                what: "requests from this address",
                retry_after: 1,
                fields: None,
            }),
            Variant::Overloaded => ApiError::Overloaded,
            Variant::InvalidHost => ApiError::InvalidHost,
            Variant::WrongHost => ApiError::WrongHost,
            Variant::BodyTooLarge => ApiError::BodyTooLarge { max_bytes: 9 },
            Variant::BodyTimeout => ApiError::BodyTimeout,
            Variant::BodyIncomplete => ApiError::BodyIncomplete,
            Variant::UnsupportedMediaType => ApiError::UnsupportedMediaType,
            Variant::InvalidJson => ApiError::InvalidJson("at line 1 column 2".into()),
            Variant::InvalidOrder => {
                ApiError::InvalidOrder(vec![Violation { pointer: "/kind".into(), detail: "x".into() }])
            }
            Variant::InvalidBatch => ApiError::InvalidBatch("the batch has no order".into()),
            Variant::InvalidPrefer => ApiError::InvalidPrefer(InvalidPrefer),
            Variant::InvalidQuery => ApiError::InvalidQuery,
            Variant::InvalidQueryMember => ApiError::InvalidQueryMember("orders must be a number".into()),
            Variant::InvalidIdempotencyKey => ApiError::InvalidIdempotencyKey,
            Variant::IdempotencyKeyReused => ApiError::IdempotencyKeyReused,
            Variant::IdempotencyKeyInUse => ApiError::IdempotencyKeyInUse,
            Variant::OrderExpired => ApiError::OrderExpired,
            Variant::InvalidOrderId => ApiError::InvalidOrderId,
            Variant::CredentialsMissing => ApiError::CredentialsMissing,
            Variant::CredentialsInvalid => ApiError::CredentialsInvalid("why"),
            Variant::RoleMissing => ApiError::RoleMissing(Role::Submit),
            Variant::CallersUnavailable => ApiError::CallersUnavailable("why"),
            Variant::TokenMissing => ApiError::TokenMissing,
            Variant::TokenInvalid => ApiError::TokenInvalid,
            Variant::TokenExpired => ApiError::TokenExpired,
            Variant::TokenReadOnly => ApiError::TokenReadOnly,
            Variant::EraseNotAskedFor => ApiError::EraseNotAskedFor,
            Variant::OrderNotFound => ApiError::OrderNotFound,
            Variant::OrderAlreadyEnded => ApiError::OrderAlreadyEnded(Status::Completed),
            Variant::InvalidFilter => {
                ApiError::InvalidFilter(offload_domain::order_query::InvalidQuery { at: 3, why: "x is no word".into() })
            }
            Variant::CrossSite => ApiError::CrossSite,
            Variant::OrderNotFailed => ApiError::OrderNotFailed(Status::Completed),
            Variant::InvalidAction => ApiError::InvalidAction("why".into()),
            Variant::ActionNotFound => ApiError::ActionNotFound,
            Variant::ActionCountDiffers => ApiError::ActionCountDiffers(None, 130),
            Variant::NoActions => ApiError::NoActions,
            Variant::NoWebhook => ApiError::NoWebhook,
            Variant::NoLog => ApiError::NoLog,
            Variant::NoPush => ApiError::NoPush,
            Variant::TooManySubscribers => ApiError::TooManySubscribers,
            Variant::TooManyConnections => ApiError::TooManyConnections,
            Variant::OriginNotAllowed => ApiError::OriginNotAllowed,
            Variant::NotAWebSocket => ApiError::NotAWebSocket,
            Variant::StorageUnavailable => store_error(Kind::Unavailable).into(),
            Variant::OrderNotAccepted => ApiError::OrderNotAccepted(store_error(Kind::Throttled), Refusal::TakenBack),
            Variant::Internal => store_error(Kind::Denied).into(),
            Variant::Panicked => ApiError::Panicked,
        }
    }

    #[tokio::test]
    async fn every_error_reaches_its_caller_as_its_problem_without_its_cause() {
        let service = testing::service(&[]).await;
        for variant in Variant::iter() {
            let error = example(variant);
            assert_eq!(Variant::from(&error), variant);
            let problem_type = error.problem_type();
            let error = Arc::new(Mutex::new(Some(error)));
            let fail = async move || error.lock().unwrap().take().unwrap();
            let router = edge::wrap(Router::new().route("/fail", get(fail)), &service, Arc::default()).unwrap();
            let request = testing::request("GET", "/fail", &[("x-request-id", "r-1")], "");
            let answer = testing::call(&router, request).await;
            assert_eq!(answer.slug(), problem_type.slug(), "{variant:?}");
            assert_eq!(answer.status.as_u16(), problem_type.status(), "{variant:?}");
            assert_eq!(answer.json()["title"], problem_type.title(), "{variant:?}");
            assert_eq!(answer.header("x-request-id"), Some("r-1"), "{variant:?}");
            assert_eq!(answer.header("retry-after"), retry_after(problem_type), "{variant:?}");
            assert!(!answer.body.contains("secret") && !answer.body.contains("PutObject"), "{}", answer.body);
        }
    }

    #[test]
    fn a_store_error_is_transient_if_a_retry_may_succeed() {
        for kind in [Kind::Unavailable, Kind::Throttled, Kind::Conflict] {
            assert!(matches!(ApiError::from(store_error(kind)), ApiError::StorageUnavailable(_)), "{kind:?}");
        }
        for kind in [Kind::Denied, Kind::NotFound, Kind::Invalid] {
            assert!(matches!(ApiError::from(store_error(kind)), ApiError::Internal(_)), "{kind:?}");
        }
    }
}
