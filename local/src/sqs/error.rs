//! SQS's errors: a type in the JSON body, and the code of the older protocol in
//! `x-amzn-query-error`, which SDKs report.

use http::{Response, StatusCode};

use crate::identity::CredentialError;
use crate::sigv4::SignatureError;
use crate::store::StoreError;
use crate::wire::{self, Body, BodyError, set};

pub(super) const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// An error response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SqsError {
    status: StatusCode,
    /// The shape's name, with its namespace.
    kind: String,
    /// The code of the older protocol.
    pub(super) code: String,
    pub(super) message: String,
}

impl SqsError {
    fn coral(status: StatusCode, kind: &str, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind: format!("com.amazon.coral.service#{kind}"),
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// One of SQS's own shapes, whose older code is the shape's name or that with a prefix.
    fn own(kind: &str, code: &str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: format!("com.amazonaws.sqs#{kind}"),
            code: code.to_owned(),
            message: message.into(),
        }
    }

    fn simple(kind: &str, message: impl Into<String>) -> Self {
        Self::own(kind, &format!("AWS.SimpleQueueService.{kind}"), message)
    }

    pub(super) fn no_such_queue() -> Self {
        Self::own("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
    }

    pub(super) fn queue_exists(attribute: &str) -> Self {
        Self::own(
            "QueueNameExists",
            "QueueAlreadyExists",
            format!("A queue already exists with the same name and a different value for attribute {attribute}"),
        )
    }

    pub(super) fn receipt_handle() -> Self {
        Self::own("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
    }

    pub(super) fn not_in_flight() -> Self {
        Self::simple("MessageNotInflight", "The message referred to is not in flight.")
    }

    pub(super) fn over_limit() -> Self {
        Self::own("OverLimit", "OverLimit", "The maximum number of in flight messages is reached.")
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::coral(StatusCode::BAD_REQUEST, "InvalidParameterValueException", "InvalidParameterValue", message)
    }

    pub(super) fn missing(parameter: &str) -> Self {
        Self::coral(
            StatusCode::BAD_REQUEST,
            "MissingRequiredParameterException",
            "MissingParameter",
            format!("The request must contain the parameter {parameter}."),
        )
    }

    pub(super) fn invalid_attribute_name(name: &str) -> Self {
        Self::own("InvalidAttributeName", "InvalidAttributeName", format!("Unknown Attribute {name}."))
    }

    pub(super) fn invalid_attribute_value(name: &str) -> Self {
        Self::own("InvalidAttributeValue", "InvalidAttributeValue", format!("Invalid value for the parameter {name}."))
    }

    pub(super) fn message_contents() -> Self {
        Self::own(
            "InvalidMessageContents",
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF",
        )
    }

    pub(super) fn empty_batch() -> Self {
        Self::simple("EmptyBatchRequest", "There should be at least one entry in the request.")
    }

    pub(super) fn too_many_entries(count: usize) -> Self {
        Self::simple(
            "TooManyEntriesInBatchRequest",
            format!("Maximum number of entries per request are 10. You have sent {count}."),
        )
    }

    pub(super) fn repeated_entry(id: &str) -> Self {
        Self::simple("BatchEntryIdsNotDistinct", format!("Id {id} repeated."))
    }

    pub(super) fn invalid_entry_id() -> Self {
        Self::simple(
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.",
        )
    }

    pub(super) fn batch_too_long(limit: usize, sent: usize) -> Self {
        Self::simple(
            "BatchRequestTooLong",
            format!("Batch requests cannot be longer than {limit} bytes. You have sent {sent} bytes."),
        )
    }

    pub(super) fn purge_in_progress(queue: &str) -> Self {
        Self::simple(
            "PurgeQueueInProgress",
            format!("Only one PurgeQueue operation on {queue} is allowed every 60 seconds."),
        )
    }

    pub(super) fn unsupported(message: &str) -> Self {
        Self::simple("UnsupportedOperation", message)
    }

    pub(super) fn no_such_task() -> Self {
        Self::own("ResourceNotFoundException", "ResourceNotFoundException", "Task does not exist.")
    }

    pub(super) fn unknown_operation() -> Self {
        Self::coral(
            StatusCode::BAD_REQUEST,
            "UnknownOperationException",
            "InvalidAction",
            "The action or operation requested is invalid.",
        )
    }

    pub(super) fn access_denied(message: String) -> Self {
        Self::coral(StatusCode::FORBIDDEN, "AccessDeniedException", "AccessDenied", message)
    }

    pub(super) fn internal() -> Self {
        Self::coral(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalFailureException",
            "InternalFailure",
            "The request processing has failed because of an unknown error, exception or failure.",
        )
    }

    pub(super) fn unavailable() -> Self {
        Self::coral(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceUnavailableException",
            "ServiceUnavailable",
            "The request has failed due to a temporary failure of the server.",
        )
    }

    /// Whether the caller is to blame.
    pub(super) fn is_senders(&self) -> bool {
        self.status.is_client_error()
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let body = serde_json::json!({ "__type": self.kind, "message": self.message }).to_string();
        let mut response = wire::response(self.status, CONTENT_TYPE, body);
        let blame = if self.is_senders() { "Sender" } else { "Receiver" };
        set(response.headers_mut(), "x-amzn-query-error", &format!("{};{blame}", self.code));
        response
    }
}

impl From<StoreError> for SqsError {
    fn from(error: StoreError) -> Self {
        tracing::error!(error = %error, "queue store failed");
        Self::internal()
    }
}

impl From<BodyError> for SqsError {
    fn from(error: BodyError) -> Self {
        let message = match error {
            BodyError::TooLarge => "The request is too large.",
            BodyError::Incomplete => "The request's body could not be read.",
        };
        Self::invalid(message)
    }
}

impl From<SignatureError> for SqsError {
    fn from(error: SignatureError) -> Self {
        let forbidden = |kind, code, message: &str| Self::coral(StatusCode::FORBIDDEN, kind, code, message);
        match error {
            SignatureError::Missing => forbidden(
                "MissingAuthenticationTokenException",
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ),
            SignatureError::Incomplete(message) => {
                Self::coral(StatusCode::BAD_REQUEST, "IncompleteSignatureException", "IncompleteSignature", message)
            }
            SignatureError::WrongScope(message) => {
                forbidden("InvalidSignatureException", "SignatureDoesNotMatch", message)
            }
            SignatureError::Skewed => forbidden(
                "InvalidSignatureException",
                "SignatureDoesNotMatch",
                "Signature expired: the request's date is more than 15 minutes off",
            ),
            SignatureError::Credentials(CredentialError::Expired) => forbidden(
                "ExpiredTokenException",
                "ExpiredToken",
                "The security token included in the request is expired",
            ),
            SignatureError::Credentials(CredentialError::UnknownKey | CredentialError::InvalidToken) => forbidden(
                "UnrecognizedClientException",
                "InvalidClientTokenId",
                "The security token included in the request is invalid.",
            ),
            SignatureError::Mismatch => forbidden(
                "InvalidSignatureException",
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and \
                 signing method. Consult the service documentation for details.",
            ),
        }
    }
}
