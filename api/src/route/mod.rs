//! One file per route. The same line here serves a route and documents it: its method and path are
//! written beside its handler.

pub(crate) mod cancel_order;
pub(crate) mod deliveries;
pub(crate) mod docs;
pub(crate) mod erase_order;
pub(crate) mod get_group;
pub(crate) mod get_order;
pub(crate) mod healthz;
pub(crate) mod list_orders;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod order_events;
mod problems;
pub(crate) mod readyz;
pub(crate) mod submit_order;
pub(crate) mod submit_orders;
pub(crate) mod webhook_secret;
pub(crate) mod websocket;
pub(crate) mod work_log;

use std::sync::Arc;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::service::Service;

/// Routes, and their part of the OpenAPI document.
pub(crate) type Routes = OpenApiRouter<Arc<Service>>;

/// What clients of orders call. Answers hold tokens and presigned URLs.
pub(crate) fn orders() -> Routes {
    Routes::new()
        .routes(routes!(submit_order::submit_order))
        .routes(routes!(submit_orders::submit_orders))
        .routes(routes!(get_group::get_group))
        .routes(routes!(get_order::get_order, cancel_order::cancel_order))
        .routes(routes!(order_events::order_events))
        .routes(routes!(websocket::websocket))
        .routes(routes!(list_orders::list_orders))
        .routes(routes!(work_log::work_log))
        .routes(routes!(erase_order::erase_order))
        .routes(routes!(deliveries::list_deliveries, deliveries::replay_delivery))
        .routes(routes!(webhook_secret::webhook_secret))
}

/// The api's own documentation.
pub(crate) fn pages() -> Routes {
    Routes::new().routes(routes!(openapi::openapi)).routes(routes!(docs::docs))
}

/// What load balancers call.
pub(crate) fn probes() -> Routes {
    Routes::new().routes(routes!(healthz::healthz)).routes(routes!(readyz::readyz))
}

/// What monitoring calls.
pub(crate) fn metrics() -> Routes {
    Routes::new().routes(routes!(metrics::metrics))
}
