//! One file per route. The same line here serves a route and documents it: its method and path are
//! written beside its handler.

pub(crate) mod act_on_order;
pub(crate) mod actions;
pub(crate) mod admin_events;
pub(crate) mod cancel_order;
#[cfg(feature = "console")]
pub(crate) mod cost;
pub(crate) mod deliveries;
pub(crate) mod deliveries_test;
pub(crate) mod describe_order;
pub(crate) mod docs;
pub(crate) mod doctor;
pub(crate) mod erase_order;
pub(crate) mod get_group;
pub(crate) mod get_order;
pub(crate) mod healthz;
pub(crate) mod list_orders;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod order_events;
pub(crate) mod overview;
mod problems;
pub(crate) mod readyz;
pub(crate) mod session;
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
    submission()
        .routes(routes!(submit_orders::submit_orders))
        .routes(routes!(get_group::get_group))
        .routes(routes!(get_order::get_order, cancel_order::cancel_order))
        .routes(routes!(order_events::order_events))
        .routes(routes!(websocket::websocket))
        .routes(routes!(webhook_secret::webhook_secret))
}

/// By what one order is submitted.
pub(crate) fn submission() -> Routes {
    Routes::new().routes(routes!(submit_order::submit_order))
}

/// What operators call.
pub(crate) fn operators() -> Routes {
    let routes = Routes::new()
        .routes(routes!(list_orders::list_orders))
        .routes(routes!(work_log::work_log))
        .routes(routes!(describe_order::describe_order, erase_order::erase_order))
        .routes(routes!(act_on_order::cancel_any_order))
        .routes(routes!(act_on_order::redrive_order))
        .routes(routes!(act_on_order::purge_order))
        .routes(routes!(session::get_session, session::open_session, session::close_session))
        .routes(routes!(overview::counts))
        .routes(routes!(overview::workers))
        .routes(routes!(overview::endpoints))
        .routes(routes!(doctor::doctor))
        .routes(routes!(admin_events::admin_events))
        .routes(routes!(actions::list_actions, actions::start_action))
        .routes(routes!(actions::get_action, actions::abort_action))
        .routes(routes!(deliveries::list_deliveries, deliveries::replay_delivery))
        .routes(routes!(deliveries_test::send_test))
        .routes(routes!(deliveries_test::get_test));
    #[cfg(feature = "console")]
    let routes = routes.routes(routes!(cost::cost));
    routes
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
