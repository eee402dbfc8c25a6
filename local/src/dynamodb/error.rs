//! DynamoDB's errors.

use dynoxide::DynoxideError;
use http::StatusCode;

use crate::identity::CredentialError;
use crate::sigv4::SignatureError;
use crate::wire::BodyError;

/// An error response.
pub(super) struct DynamoDbError {
    pub(super) status: StatusCode,
    pub(super) body: String,
}

impl DynamoDbError {
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

impl From<SignatureError> for DynamoDbError {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::Missing => {
                Self::coral("MissingAuthenticationTokenException", "Request is missing Authentication Token")
            }
            SignatureError::Incomplete(message) => Self::coral("IncompleteSignatureException", message),
            SignatureError::WrongScope(message) => Self::coral("InvalidSignatureException", message),
            SignatureError::Skewed => Self::coral(
                "InvalidSignatureException",
                "Signature expired: the request's date is more than 15 minutes off",
            ),
            SignatureError::Credentials(CredentialError::Expired) => {
                Self::coral("ExpiredTokenException", "The security token included in the request is expired")
            }
            SignatureError::Credentials(CredentialError::UnknownKey | CredentialError::InvalidToken) => {
                Self::coral("UnrecognizedClientException", "The security token included in the request is invalid.")
            }
            SignatureError::Mismatch => Self::coral(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and \
                 signing method. Consult the service documentation for details.",
            ),
        }
    }
}

impl From<BodyError> for DynamoDbError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLargeException", "Request is too large")
            }
            BodyError::Incomplete => Self::coral("SerializationException", "The request's body could not be read"),
        }
    }
}

impl From<DynoxideError> for DynamoDbError {
    fn from(error: DynoxideError) -> Self {
        let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
        if status.is_server_error() {
            tracing::error!(error = %error, "dynamodb request failed");
        }
        Self { status, body: error.to_json() }
    }
}
