//! Errors of starting and configuring a stack.

use std::net::SocketAddr;

use crate::options::Service;
use crate::store::DataError;

/// Why a stack cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address is taken.
    #[error(
        "{service} cannot listen on {address}: the address is in use; stop the program that is served there, or choose another port (0 takes any free one)"
    )]
    AddressInUse {
        /// The service.
        service: Service,
        /// The address.
        address: SocketAddr,
    },
    /// An address cannot be listened on for another reason.
    #[error("{service} cannot listen on {address}: {source}")]
    Listen {
        /// The service.
        service: Service,
        /// The address.
        address: SocketAddr,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The data directory cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The data is there but cannot be read.
    #[error("cannot read the stack's data: {0}")]
    Corrupt(String),
    /// DynamoDB's database cannot be opened.
    #[error("cannot open the DynamoDB database: {0}")]
    DynamoDb(String),
}

/// A policy that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("not an IAM policy: {0}")]
pub struct PolicyError(pub(crate) String);
