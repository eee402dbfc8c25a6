//! How a command can fail, and its exit code.

/// What `--help` says about exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the order failed or was cancelled, the request was refused, or the service cannot run
  2  wrong usage or settings
  3  the time limit has passed, or the api or S3 cannot be reached";

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The command line, an order or a receipt cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The api refused the request, or something on this machine stopped the command.
    #[error("{0}")]
    Refused(String),
    /// The order ended without a result; that has been printed already.
    #[error("the order has no result")]
    Ended,
    /// No response, or only responses that ask to try again later; or the time limit has passed.
    #[error("{0}")]
    Unreachable(String),
    /// The reader of standard output has closed it, as `head` does: nothing is wrong.
    #[error("standard output is closed")]
    Closed,
}

impl Failure {
    /// The exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Refused(_) | Self::Ended => 1,
            Self::Usage(_) => 2,
            Self::Unreachable(_) => 3,
        }
    }

    /// What is still to be printed.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Usage(m) | Self::Refused(m) | Self::Unreachable(m) => Some(m),
            Self::Ended | Self::Closed => None,
        }
    }
}
