//! Client of status-offload: submits orders and waits for their final status.
//!
//! The response to a submission holds the presigned URL of a small status object in S3, and an
//! estimate of when the order will be done. Where the service pushes status updates (server-sent
//! events), this client subscribes. Elsewhere, and when the stream breaks off, it polls the object
//! on a schedule made from the estimate: about twice per order. It relies on nothing but the
//! service's HTTP contract.
//!
//! ```no_run
//! # async fn example() -> Result<(), offload_client::Error> {
//! use offload_client::Client;
//!
//! let client = Client::new("https://api.example.com")?;
//! let order = serde_json::json!({"kind": "fulfilment", "items": [{"sku": "A-1", "quantity": 2}]});
//! let receipt = client.submit(&order).await?;
//! let done = client.wait(&receipt).await?;
//! println!("{:?}: {:?}", done.status, done.result);
//! # Ok(())
//! # }
//! ```
//!
//! A [`Receipt`] is plain JSON: stored, it lets any client wait for the order after a restart. It
//! is a secret: its holder can read the order's status and cancel it. No error and no `Debug` of
//! this crate prints a token or a presigned URL.
//!
//! Types keep the members that they do not know in `other`, and write them back. So a status object
//! that this crate has read can be passed on to a newer client.

mod batch;
mod cancellations;
mod client;
mod clock;
#[cfg(test)]
mod contract;
mod credentials;
mod error;
mod events;
mod http;
mod plan;
mod problem;
mod push;
mod receipt;
mod response;
mod retry;
mod s3;
mod schedule;
mod status;
mod status_url;
mod submit;
mod updates;
mod view;

pub use batch::{BatchReceipt, OrderResult};
pub use client::{Builder, Client};
pub use error::Error;
pub use problem::{Problem, Violation};
pub use receipt::{Links, Receipt, ReceiptEta, StatusAccess};
pub use response::ApiResponse;
pub use retry::{RequestKind, Retry};
pub use schedule::Schedule;
pub use status::{EtaWindow, GroupCounts, Progress, Status, StatusObject};
pub use submit::{Priority, Submit};
pub use updates::{Counts, Estimate, Update, Updates};
pub use view::{Delivery, DeliveryAttempt, StatusView};
