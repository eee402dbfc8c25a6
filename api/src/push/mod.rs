//! Connections that are told of changes at once: event streams, WebSockets, held requests.
//!
//! One change's way: the worker shows a status in S3 and sends a notification for each connection that watches the order;
//! the notifier POSTs it to the server that holds the connection (`internal`), which hands it to the connection (`hub`).
//! What a connection watches, and since when, is `watch`'s.
//!
//! Invariant: whoever subscribes has the order as it stands at once, and every later change after that; what is not newer
//! than what it has is dropped.

pub(crate) mod connections;
pub(crate) mod gateway;
pub(crate) mod internal;
pub(crate) mod order_updates;
pub(crate) mod subscription;
pub(crate) mod websocket;
