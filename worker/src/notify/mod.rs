//! The notifier: takes notifications from their queue and delivers each to its one target.
//!
//! A channel is one file below `channel`: it tries a delivery and returns the result. What comes
//! next is decided in one place, `retry`. A target that fails repeats nothing for others and does
//! not delay them: it is tried again by a message of its own, and an endpoint that hangs gets a few
//! permits at most.
//!
//! Invariant: a notification's message is deleted only after it was delivered, put back as a new
//! message, or sent to the dead-letter queue.

mod attempt;
mod channel;
mod client;
mod deferral;
mod endpoint_log;
mod notifier;
mod put_back;
mod retry;
#[cfg(test)]
mod testing;
mod trial;

pub(crate) use notifier::Notifier;
pub use trial::test_webhook;
