//! How a command can fail, and the exit code that says so.

use crate::{output, render};

/// What `--help` says of exit codes.
pub const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  the order failed or was cancelled, the request was refused, or the service cannot run
  2  wrong usage or settings
  3  the time is up, or the api or S3 cannot be reached";

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The command line, an order or a receipt cannot be used.
    #[error("{0}")]
    Usage(String),
    /// The api refused the request, or something here stopped the command.
    #[error("{0}")]
    Refused(String),
    /// The order ended without a result; that has been told already.
    #[error("the order has no result")]
    Ended,
    /// No answer, or only answers that say to come back later; or the time is up.
    #[error("{0}")]
    Unreachable(String),
    /// Whoever read standard output has gone, as `head` does: nothing is wrong.
    #[error("standard output is closed")]
    Closed,
}

impl From<offload_client::Error> for Failure {
    fn from(error: offload_client::Error) -> Self {
        use offload_client::Error as E;
        match error {
            E::Refused(problem) => Self::Refused(render::problem(&problem, output::say_paint())),
            E::Invalid(why) => Self::Usage(why),
            e @ (E::Unreachable(_) | E::TimedOut) => Self::Unreachable(e.to_string()),
            e => Self::Refused(e.to_string()),
        }
    }
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

    /// What is still to be told.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Usage(m) | Self::Refused(m) | Self::Unreachable(m) => Some(m),
            Self::Ended | Self::Closed => None,
        }
    }
}
