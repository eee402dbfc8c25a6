//! The errors of S3's operations, in S3's own words.

use http::StatusCode;
use s3s::{S3Error, S3ErrorCode, s3_error};

use crate::store::StoreError;

pub(super) fn no_such_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

pub(super) fn no_such_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

/// A failed condition of a write or read.
pub(super) fn precondition_failed() -> S3Error {
    s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold")
}

/// A failure of the store, logged here because the response does not describe it.
#[expect(clippy::needless_pass_by_value, reason = "for map_err, which passes its error by value")]
pub(super) fn internal(error: StoreError) -> S3Error {
    tracing::error!(error = %error, "object store failed");
    S3Error::with_message(S3ErrorCode::InternalError, "We encountered an internal error. Please try again.")
}

/// An error of S3's that `s3s` has no code for.
pub(super) fn custom(status: StatusCode, code: &'static str, message: &'static str) -> S3Error {
    let mut error =
        S3Error::with_message(S3ErrorCode::from_bytes(code.as_bytes()).unwrap_or(S3ErrorCode::InvalidRequest), message);
    error.set_status_code(status);
    error
}

/// Why a write inside a transaction failed.
pub(super) enum WriteError {
    Refused(S3Error),
    Store(rusqlite::Error),
}

impl From<rusqlite::Error> for WriteError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error)
    }
}

impl From<S3Error> for WriteError {
    fn from(error: S3Error) -> Self {
        Self::Refused(error)
    }
}

impl WriteError {
    pub(super) fn into_s3(self) -> S3Error {
        match self {
            Self::Refused(error) => error,
            // The bucket was deleted after the request had found it.
            Self::Store(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
                s3_error!(NoSuchBucket, "The specified bucket does not exist")
            }
            Self::Store(error) => internal(error),
        }
    }
}
