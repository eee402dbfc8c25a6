//! The HTTP api: accepts orders, and serves and cancels them.
//!
//! The path of a request: `process` accepts the connection, `edge` gives the request its id, its
//! permit and its log line, `request` checks it, `route` has a file for each route, `response` has
//! what the client reads. Every step in the life of an order is in `offload_lifecycle`; `push`
//! holds the connections that get status events.

mod acceptance;
mod admin;
mod background;
mod batch_acceptance;
mod byte_budget;
mod caller;
mod client_address;
mod edge;
mod eta;
mod key_locks;
mod label_counts;
mod limits;
mod long_poll;
mod metrics;
mod openapi;
mod process;
mod push;
mod readiness;
mod request;
mod response;
mod route;
mod router;
mod service;
#[cfg(test)]
mod testing;
mod write_health;

pub use process::program;
pub use process::server::{Listeners, routes, serve};
