//! A whole system for a test: its own stack, its own api and workers, on free ports, gone when it
//! is dropped.
//!
//! Nothing here knows more of the service than its HTTP contract, except for starting it, breaking
//! it, and counting the calls on the wire.

mod client;
mod function;
mod json_service;
pub mod orders;
mod permissions;
mod process;
mod program;
mod push;
mod raw_object;
mod raw_queue;
mod raw_table;
mod role;
mod signer;
mod system;
pub mod terraform;
pub mod wrong_clock;

pub use client::{Poller, Receipt, Response, post_until_accepted};
pub use function::{Function, InvocationResult, http_api_request};
pub use process::Process;
pub use program::{ANYWHERE, program, quiet_port};
pub use push::{EventStream, Socket, SseEvent};
pub use raw_object::RawObject;
pub use raw_queue::RawQueue;
pub use raw_table::RawTable;
pub use role::{Names, Role, Statement};
pub use system::{INTERNAL_SECRET, SECRET, Setup, System, WEBHOOK_SECRET};

use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The longest that a test waits for something that should happen within a second or two. It is
/// long because machines that run tests are busy.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `check` gives a value.
///
/// # Panics
/// With `what`, if it does not within [`PATIENCE`].
pub async fn eventually<T>(what: &str, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = check().await {
            return value;
        }
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        sleep(Duration::from_millis(20)).await;
    }
}
