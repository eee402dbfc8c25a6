//! S3, SQS, DynamoDB and STS in one process, on real sockets: for `offload up` on a laptop without
//! an AWS account, and for tests, each of which starts a [`Stack`] of its own within a few
//! milliseconds.
//!
//! ```no_run
//! # async fn example() -> Result<(), offload_local::StartError> {
//! use offload_local::{FaultPlan, Options, Outage, Service, Stack};
//!
//! let stack = Stack::start(Options::ephemeral()).await?;
//! println!("S3 listens on {}", stack.endpoints().s3);
//! stack.faults(Service::Sqs).set(FaultPlan { outage: Some(Outage::Unavailable), ..FaultPlan::default() });
//! assert_eq!(stack.requests(Service::S3).of("PutObject"), 0);
//! stack.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! No production binary links this crate, and it knows nothing of the service that uses it.
//!
//! # Logs
//! The crate logs its own failures. The library that implements S3's protocol, `s3s`, logs every
//! 304 and 404 as an error: filter its target, with `s3s=off` in an `EnvFilter`. `dynoxide=warn` is
//! quiet.

mod calls;
mod clock;
mod counters;
mod data_directory;
mod dynamodb;
mod error;
mod faults;
mod host_check;
mod housekeeping;
mod identity;
mod in_process;
mod listener;
mod options;
mod permission;
mod policy;
mod s3;
mod sigv4;
mod sqs;
mod stack;
mod store;
mod sts;
mod subject;
mod wire;

pub use calls::Call;
pub use counters::{NO_RESPONSE, RequestCounts};
pub use error::{PolicyError, StartError};
pub use faults::{FaultPlan, FaultStatus, Faults, Outage};
pub use host_check::HostCheck;
pub use in_process::NoResponse;
pub use options::{ACCOUNT_ID, Endpoints, Options, Service};
pub use permission::{Permission, Permissions};
pub use s3::LifecycleRun;
pub use stack::Stack;
pub use store::DataError;
pub use subject::{Condition, ItemKind, Subject};
