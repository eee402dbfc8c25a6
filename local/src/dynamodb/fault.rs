//! DynamoDB's errors.

use dynoxide::DynoxideError;
use http::StatusCode;

use crate::identity::CredentialFault;
use crate::sigv4::Refusal;
use crate::wire::BodyFault;

/// An error on the wire.
pub(super) struct Fault {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

impl Fault {
    fn new(status: StatusCode, kind: &str, message: &str) -> Self {
        Self { status, body: serde_json::json!({ "__type": kind, "message": message }).to_string() }
    }

    pub(super) fn coral(kind: &str, message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, &format!("com.amazon.coral.service#{kind}"), message)
    }

    pub(super) fn unknown_operation() -> Self {
        let body = r#"{"__type":"com.amazon.coral.service#UnknownOperationException"}"#.to_owned();
        Self { status: StatusCode::BAD_REQUEST, body }
    }

    pub(super) fn access_denied(message: &str) -> Self {
        Self::coral("AccessDeniedException", message)
    }

    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "com.amazonaws.dynamodb.v20120810#InternalServerError",
            "The request processing has failed because of an unknown error, exception or failure.",
        )
    }

    pub(super) fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "com.amazon.coral.availability#ServiceUnavailableException",
            "The service is temporarily unavailable.",
        )
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing => {
                Self::coral("MissingAuthenticationTokenException", "Request is missing Authentication Token")
            }
            Refusal::Incomplete(message) => Self::coral("IncompleteSignatureException", message),
            Refusal::WrongScope(message) => Self::coral("InvalidSignatureException", message),
            Refusal::Skewed => Self::coral(
                "InvalidSignatureException",
                "Signature expired: the request's date is more than 15 minutes off",
            ),
            Refusal::Credentials(CredentialFault::Expired) => {
                Self::coral("ExpiredTokenException", "The security token included in the request is expired")
            }
            Refusal::Credentials(CredentialFault::UnknownKey | CredentialFault::InvalidToken) => {
                Self::coral("UnrecognizedClientException", "The security token included in the request is invalid.")
            }
            Refusal::Mismatch => Self::coral(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and \
                 signing method. Consult the service documentation for details.",
            ),
        }
    }
}

impl From<BodyFault> for Fault {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", "Request is too large")
            }
            BodyFault::Incomplete => Self::coral("SerializationException", "The request's body could not be read"),
        }
    }
}

impl From<DynoxideError> for Fault {
    fn from(error: DynoxideError) -> Self {
        let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
        if status.is_server_error() {
            tracing::error!(error = %error, "dynamodb request failed");
        }
        Self { status, body: error.to_json() }
    }
}
