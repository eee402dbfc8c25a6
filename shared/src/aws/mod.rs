//! Everything that names the AWS SDK. What leaves this module are our own types and [`Error`].

mod connection;
mod credentials;
mod due;
mod error;
mod grant;
mod item;
mod orders;
mod presign;
mod provision;
mod queue;
mod status_store;
mod workers;

pub use connection::{CallPolicy, Connection, Endpoints, Stores};
pub use error::{Error, Kind};
pub use grant::{Grant, Granter};
pub use orders::{Accepted, Conflict, LeaseState, OrderTable};
pub use presign::Presigner;
pub use provision::{Provisioned, provision};
pub use queue::{DELAY_MAX, Delivery, Handed, OrderQueue, Outcome, QueueDepth, RECEIVE_MAX, Visibility};
pub use status_store::{Published, ResultBody, StatusStore};
