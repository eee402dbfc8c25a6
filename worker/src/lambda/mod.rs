//! The worker as Lambda functions: one binary that sees by the event what to do.
//!
//! Lambda receives the messages and deletes those that are not reported as failed, so a delivery is
//! settled by what is reported. Everything ends within the invocation: after its response, the
//! function is frozen.

mod changes;
mod event;
mod message;
mod orders;
mod serve;
mod time;

pub(crate) use serve::serve;
