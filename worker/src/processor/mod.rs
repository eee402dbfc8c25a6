//! The work itself: the [`Processor`] trait, and the processors that come with the service.
//!
//! Work of your own plugs in without Rust by [`command`] (any program) or [`http`] (any endpoint),
//! or as a [`Processor`] of your own.

pub mod command;
mod contract;
mod demo;
mod document;
mod entry;
pub mod http;
mod list;
mod output;
mod progress;
#[cfg(test)]
mod testing;

pub use command::{CommandProcessor, InvalidCommand, Limits};
pub use contract::{Outcome, ProcessError, Processor, ResultFile};
pub use demo::ENTRY as DEMO;
pub use entry::{Chosen, Entry};
pub use http::{HttpProcessor, InvalidEndpoint};
pub use list::{PROCESSORS, choices, from_settings};
pub use progress::Progress;
