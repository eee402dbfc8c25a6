//! Everything that names the AWS SDK. What leaves this module are our own types and [`Error`].

mod actions;
mod api_keys;
mod aws_time;
mod call_policy;
mod call_trace;
mod connection;
mod credentials;
mod deliveries;
mod deployment;
mod direct;
mod due;
mod erasure;
mod error;
mod grant;
mod groups;
mod item;
mod new_orders;
mod notifications;
mod order_list;
mod order_queues;
mod orders;
mod presign;
mod provision;
mod queue;
mod rows;
mod secrets;
mod signed;
mod sockets;
mod status_store;
mod subscribers;
mod transport;
mod workers;

pub use actions::StoredAction;
pub use api_keys::StoredKey;
pub use call_policy::CallPolicy;
pub use connection::{Connection, Endpoints, Stores};
pub use credentials::CREDENTIALS_MARGIN;
pub use deliveries::{Attempt, DeliveryLog, DeliveryState};
pub use deployment::{Checked, Finding, Needs};
pub use erasure::Tombstone;
pub use error::{Error, Kind};
pub use grant::{Grant, Granter};
pub use groups::Counted;
pub use notifications::Notifications;
pub use order_list::{IndexHead, OrderPage};
pub use order_queues::OrderQueues;
pub use orders::{Conflict, Inserted, LeaseState, OrderTable, Wishes};
pub use presign::Presigner;
pub use provision::{Provisioned, allow_origins, provision};
pub use queue::{
    DELAY_MAX, Delivery, Outcome, Outgoing, Queue, QueueDepth, RECEIVE_MAX, ReceivedMessage, Replacement, Visibility,
};
pub use signed::RequestSigner;
pub use status_store::{Overwritten, ResultBody, StatusStore};
pub use subscribers::{SUBSCRIPTION_TIME, Subscriber};
pub use transport::{Answer, Transport, Unreachable};
