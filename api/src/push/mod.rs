//! Connections that get status events at once: event streams, WebSockets, long polls.
//!
//! The path of an event: a writer publishes a status and sends one notification for each connection
//! that is subscribed to the order. The notifier POSTs it to the server that holds the connection
//! (`internal`), which passes it on to the connection (`connections`). A connection's interest in
//! an order is a `subscription`.
//!
//! Invariant: a subscriber gets the order as it is at once, and every later change after that; an
//! event that is not newer than what it has is dropped.

pub(crate) mod connections;
pub(crate) mod gateway;
pub(crate) mod internal;
pub(crate) mod order_updates;
pub(crate) mod session;
mod session_end;
pub(crate) mod status_update;
pub(crate) mod subscription;
pub(crate) mod websocket;
