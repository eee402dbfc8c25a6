//! The HTTP api: takes orders, shows them, cancels them.
//!
//! One request's way: `server` accepts the connection, `edge` gives the request its id, its place among those in
//! service and its log line, `route` has one file per endpoint. `acceptance` is the protocol by which an order
//! comes to stand in DynamoDB, S3 and SQS.
//!
//! Invariant: an order that got `202` is in the order table, has its status object, and its message has been sent.

mod acceptance;
mod access;
mod background;
mod canonical;
mod connection;
mod edge;
mod error;
mod eta;
mod healthcheck;
mod hold;
mod key_locks;
mod lambda;
mod links;
mod metrics;
mod openapi;
mod prefer;
pub mod program;
mod push;
mod readiness;
mod reading;
mod receipt;
mod route;
mod router;
mod server;
mod service;
#[cfg(test)]
mod testing;
mod view;

pub use router::openapi_document;
pub use server::serve;
