//! The HTTP api: takes orders, shows them, cancels them.
//!
//! One request's way: `server` accepts the connection, `edge` gives the request its id, its place among those in
//! service and its log line, `route` has one file per endpoint. `acceptance` is the protocol by which an order
//! comes to stand in DynamoDB, S3 and SQS.
//!
//! Invariant: an order that got `202` is in the order table, has its status object, and its message has been sent.

mod acceptance;
mod background;
mod canonical_json;
mod edge;
mod eta;
mod key_locks;
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

pub use process::program;
pub use process::server::serve;
pub use router::openapi_document;
