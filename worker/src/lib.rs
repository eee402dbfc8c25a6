//! The worker: takes orders from the queue, has them processed, and records how they ended.
//!
//! One order's way: `receive` takes a message from the queue, `job::claim` takes the order in the
//! order table, `job::run` has it processed while `job::heartbeat` keeps the lease, and
//! `job::settle` stores the end, publishes it in S3 and only then deletes the message. Beside it,
//! `sweeper` sends orders that were accepted but not sent, `dead_letters` ends the orders of dead
//! letters, and `notify` delivers events.
//!
//! Invariant: a message is deleted only after the final status is stored in S3.

mod admin_listener;
mod consumer;
mod context;
mod dead_letters;
mod deployment;
mod intake;
mod job;
mod lambda;
mod metrics;
mod notify;
pub mod processor;
pub mod program;
mod receive;
mod reporter;
mod retry_after;
mod run;
mod sweeper;
mod task_protection;
mod work_log;

pub use context::StartError;
pub use notify::test_webhook;
pub use run::run;
pub use work_log::WorkLog;
