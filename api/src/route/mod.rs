//! One file per endpoint.

pub(crate) mod cancel_order;
pub(crate) mod docs;
pub(crate) mod healthz;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod order_events;
pub(crate) mod readyz;
pub(crate) mod show_order;
pub(crate) mod submit_order;
pub(crate) mod websocket;
