//! What a worker does with one delivery of an order's message.
//!
//! `claim` takes the order, `run` has it processed, `settle` records its end and settles the
//! message. One `heartbeat` keeps the lease and the message from the claim until the end is
//! recorded.

mod claim;
mod end;
mod handle;
mod heartbeat;
mod log;
mod retry;
mod run;
mod settle;

pub(crate) use end::ATTEMPT_ENDS;
pub(crate) use handle::handle;
