//! The one place that translates the SDK's errors into our few kinds.

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};

/// What a caller can do about a failed call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// What was named does not exist.
    NotFound,
    /// A condition did not hold: somebody else was there first.
    Conflict,
    /// Too many calls; later it will work.
    Throttled,
    /// The credentials do not allow it.
    Denied,
    /// The service did not answer, or said that it cannot now. What was asked may or may not have
    /// happened.
    Unavailable,
    /// The call itself is wrong.
    Invalid,
}

impl Kind {
    /// What an answer with an error says.
    pub(crate) fn of(status: u16, code: &str) -> Self {
        // SQS's JSON protocol puts a name space before its codes.
        match code.rsplit(['#', '.']).next().unwrap_or_default() {
            "NoSuchKey" | "NotFound" | "QueueDoesNotExist" | "NonExistentQueue" | "ResourceNotFoundException" => {
                Self::NotFound
            }
            "PreconditionFailed" | "ConditionalCheckFailedException" | "ConditionalCheckFailed" => Self::Conflict,
            // S3's 409 means "a conflicting write is under way, send it again".
            "ConditionalRequestConflict" | "OperationAborted" => Self::Throttled,
            "SlowDown"
            | "ThrottlingException"
            | "RequestThrottled"
            | "RequestLimitExceeded"
            | "TransactionInProgressException"
            | "ProvisionedThroughputExceededException"
            | "Throttling"
            // Why one row of a transaction was not written.
            | "TransactionConflict"
            | "ThrottlingError"
            | "ProvisionedThroughputExceeded"
            | "TransactionConflictException" => Self::Throttled,
            "AccessDenied"
            | "AccessDeniedException"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException" => Self::Denied,
            _ => match status {
                404 => Self::NotFound,
                412 => Self::Conflict,
                429 => Self::Throttled,
                401 | 403 => Self::Denied,
                500.. => Self::Unavailable,
                _ => Self::Invalid,
            },
        }
    }

    /// What a transaction says that was cancelled for these reasons, one for each of its rows.
    /// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CancellationReason.html>
    pub(crate) fn of_cancelled<'a>(mut reasons: impl Iterator<Item = &'a str>) -> Self {
        reasons.find(|code| *code != "None").map_or(Self::Invalid, |code| Self::of(400, code))
    }

    /// For log fields and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Throttled => "throttled",
            Self::Denied => "denied",
            Self::Unavailable => "unavailable",
            Self::Invalid => "invalid",
        }
    }
}

/// A call to AWS that failed.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{operation} failed ({})", kind.as_str())]
pub struct Error {
    /// What to do about it.
    pub kind: Kind,
    /// Which call, such as `s3.PutObject`.
    pub operation: &'static str,
    /// What the SDK said: for logs only, never for a client.
    #[source]
    pub source: Cause,
}

/// The SDK's own words, without the response body.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Cause(String);

impl Error {
    /// An error of our own making.
    #[must_use]
    pub fn new(kind: Kind, operation: &'static str, cause: impl Into<String>) -> Self {
        Self { kind, operation, source: Cause(cause.into()) }
    }

    /// Translates an error of the SDK.
    pub(crate) fn of<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let kind = kind_of(error);
        let cause = match error {
            // The code and the message: the whole context of a service error repeats headers and
            // ids.
            SdkError::ServiceError(e) => {
                let (code, message) = (e.err().code().unwrap_or("unknown"), e.err().message().unwrap_or_default());
                format!("{code}: {message}")
            }
            other => DisplayErrorContext(other).to_string(),
        };
        Self::new(kind, operation, cause)
    }

    /// Whether the same call may succeed a little later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, Kind::Throttled | Kind::Unavailable)
    }
}

fn kind_of<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Kind {
    let SdkError::ServiceError(e) = error else { return Kind::Unavailable };
    Kind::of(e.raw().status().as_u16(), e.err().code().unwrap_or_default())
}
