//! Client of status-offload: places orders and follows them to their end.
//!
//! The answer to an order brings the presigned URL of a small status object in S3, and an estimate of when the order will
//! be done. Where the service tells of changes by itself (server-sent events), this client listens; elsewhere, and when that
//! breaks, it looks at the object when it pays to look, which is about twice. It knows nothing of the service but its HTTP
//! contract.
//!
//! ```no_run
//! # async fn example() -> Result<(), offload_client::Error> {
//! use offload_client::Client;
//!
//! let client = Client::new("https://api.example.com")?;
//! let order = serde_json::json!({"kind": "fulfilment", "items": [{"sku": "A-1", "quantity": 2}]});
//! let receipt = client.submit(&order).await?;
//! let ended = client.wait(&receipt).await?;
//! println!("{:?}: {:?}", ended.status, ended.result);
//! # Ok(())
//! # }
//! ```
//!
//! A [`Receipt`] is plain JSON: stored, it lets any client go on after a restart. It is a secret: whoever has it can read
//! the order's status and cancel it. No error and no `Debug` of this crate shows a token or a presigned URL.

mod answer;
mod backoff;
mod cancellations;
mod client;
mod clock;
mod error;
mod events;
mod follow;
mod http;
mod look;
mod plan;
mod receipt;
mod schedule;
mod status;
mod submit;

pub use client::{Builder, Client, Retry, Target};
pub use error::{Error, Fault, Problem};
pub use follow::{Estimate, Follow, Following, Looks, Update};
pub use receipt::{Links, Receipt, ReceiptEta};
pub use schedule::Schedule;
pub use status::{EtaWindow, Progress, Status, StatusObject, StatusView};
pub use submit::Submit;
