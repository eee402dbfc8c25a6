//! What can go wrong. No message holds a URL or a token: a presigned URL is a secret.

use crate::problem::Problem;

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service refuses, with a problem document.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// No response, or only responses that ask to try again later. With the reason of the last one.
    #[error("{0}")]
    Unreachable(String),
    /// The time limit of the call has passed. The order goes on, and can be waited for again.
    #[error("not done within the time limit; the order goes on")]
    Timeout,
    /// S3 refuses even a status or result URL that the service has just made.
    #[error("{0}")]
    UrlRefused(String),
    /// The response breaks the contract: perhaps another program answers there.
    #[error("{0}")]
    InvalidResponse(String),
    /// The client cannot be built, or the order cannot be sent, with these arguments.
    #[error("{0}")]
    InvalidInput(String),
}
