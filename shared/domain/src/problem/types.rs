//! Every type of problem that the service has: the one place of their slugs, status codes and
//! titles.

/// Makes the enum, its list of all, and what each has, from one line per type.
macro_rules! problem_types {
    ($($name:ident = $status:literal $slug:literal $title:literal,)+) => {
        /// A type of problem. The slug identifies it and never changes; the title is for people.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ProblemType {
            $(#[doc = $title] $name,)+
        }

        impl ProblemType {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The last part of the problem's `type`.
            #[must_use]
            pub const fn slug(self) -> &'static str {
                match self { $(Self::$name => $slug),+ }
            }

            /// The type in a few words.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }

            /// The HTTP status code that goes with it, also where the problem is not the answer to
            /// a request.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }
        }
    };
}

problem_types! {
    // Requests.
    NotFound = 404 "not-found" "There is no such route",
    MethodNotAllowed = 405 "method-not-allowed" "The route does not have this method",
    TooManyRequests = 429 "too-many-requests" "This client sends too much at once",
    Overloaded = 503 "overloaded" "The service is overloaded",
    InvalidHost = 400 "invalid-host" "The Host header is not valid",
    WrongHost = 421 "wrong-host" "The request is for another host",
    BodyTooLarge = 413 "body-too-large" "The request body is too large",
    BodyTimeout = 408 "body-timeout" "The request body did not arrive in time",
    BodyIncomplete = 400 "body-incomplete" "The request body is incomplete",
    UnsupportedMediaType = 415 "unsupported-media-type" "The request body must be JSON",
    InvalidJson = 400 "invalid-json" "The request body is not valid JSON",
    InvalidOrder = 422 "invalid-order" "The order is not valid",
    InvalidBatch = 422 "invalid-batch" "The batch is not valid",
    InvalidPrefer = 400 "invalid-prefer" "The Prefer header is not valid",
    InvalidQuery = 400 "invalid-query" "The query of the URL is not valid",
    InvalidFilter = 400 "invalid-filter" "The filter is not valid",
    InvalidIdempotencyKey = 400 "invalid-idempotency-key" "The Idempotency-Key header is not valid",
    IdempotencyKeyReused = 422 "idempotency-key-reused" "The idempotency key belongs to another request",
    IdempotencyKeyInUse = 409 "idempotency-key-in-use" "A request with this idempotency key is in progress",
    OrderExpired = 410 "order-expired" "The order of this idempotency key has expired",
    InvalidOrderId = 400 "invalid-order-id" "This is not an order id",
    CredentialsMissing = 401 "credentials-missing" "The caller is not known",
    CredentialsInvalid = 401 "credentials-invalid" "The caller's credentials are not valid",
    RoleMissing = 403 "role-missing" "The caller lacks a role",
    CallersUnavailable = 503 "callers-unavailable" "Callers cannot be checked at the moment",
    TokenMissing = 401 "token-missing" "The order token is missing",
    TokenInvalid = 403 "token-invalid" "The order token is not valid",
    TokenExpired = 403 "token-expired" "The order token has expired",
    TokenReadOnly = 403 "token-read-only" "The order token can only read",
    EraseNotAskedFor = 400 "erase-not-asked-for" "Erasing must be asked for",
    CrossSite = 403 "cross-site" "A page of another site sends this",
    OrderNotFound = 404 "order-not-found" "There is no such order",
    OrderAlreadyEnded = 409 "order-already-ended" "The order has already ended",
    OrderNotFailed = 409 "order-not-failed" "The order has not failed",
    NoWebhook = 409 "no-webhook" "The order has no webhook",
    NoLog = 404 "no-log" "There is no log of the work",
    InvalidAction = 422 "invalid-action" "The bulk action is not valid",
    ActionNotFound = 404 "action-not-found" "There is no such action",
    ActionCountDiffers = 409 "action-count-differs" "The number of orders is not the one that was stated",
    NoActions = 501 "no-actions" "This deployment begins no bulk actions",
    StorageUnavailable = 503 "storage-unavailable" "The service's storage is unavailable",
    Internal = 500 "internal" "The service has an internal error",

    // Connections.
    NoPush = 501 "no-push" "This deployment does not push updates",
    TooManyConnections = 503 "too-many-connections" "Too many connections are open",
    TooManySubscribers = 429 "too-many-subscribers" "The order has too many subscribers",
    OriginNotAllowed = 403 "origin-not-allowed" "Pages of this origin may not connect",
    NotAWebSocket = 426 "not-a-websocket" "This route is for WebSockets only",
    InvalidMessage = 400 "invalid-message" "The message is not valid",
    UnknownAction = 400 "unknown-action" "There is no such action",
    TooManySubscriptions = 429 "too-many-subscriptions" "The connection has too many subscriptions",

    // How an order ends without a result: in its status object.
    ProcessingFailed = 500 "processing-failed" "The work failed",
    ProcessorProtocol = 502 "processor-protocol" "The processor broke its protocol",
    ProcessingTimedOut = 504 "processing-timed-out" "The work took too long",
    FunctionTimedOut = 504 "function-timed-out" "The work did not fit into the function's time",
    OutlastsFunctions = 504 "outlasts-functions" "The work takes longer than a function may run",
    AttemptsExhausted = 500 "attempts-exhausted" "The work failed at every attempt",
    DeadLettered = 500 "dead-lettered" "The order was dead-lettered",
    DeadlineExceeded = 504 "deadline-exceeded" "The order's deadline has passed",
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn a_problem_type_has_a_slug_of_its_own_and_an_error_status() {
        let slugs: HashSet<_> = ProblemType::ALL.iter().map(|t| t.slug()).collect();
        assert_eq!(slugs.len(), ProblemType::ALL.len());
        for problem_type in ProblemType::ALL {
            let plain = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(problem_type.slug().chars().all(plain), "{problem_type:?}");
            assert!((400..600).contains(&problem_type.status()), "{problem_type:?}");
        }
    }
}
