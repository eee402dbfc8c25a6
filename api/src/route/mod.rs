//! One file per route. The same line here serves a route and documents it: its method and path are
//! written beside its handler. The document is made by a test, and committed: a program that serves
//! needs no description of itself but that text.

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

use axum::{
    Router,
    handler::Handler,
    routing::{MethodFilter, MethodRouter},
};
use utoipa::openapi::HttpMethod;

use crate::service::Service;

/// Routes of the api.
pub(crate) type Routes = Router<Arc<Service>>;

/// What clients of orders call.
pub(crate) fn orders() -> Routes {
    submission().merge(following())
}

/// What operators call.
pub(crate) fn operators() -> Routes {
    #[cfg(feature = "console")]
    return operation().merge(costs());
    #[cfg(not(feature = "console"))]
    operation()
}

/// Adds a handler at the path, and for the methods, of its attribute.
fn add<P: utoipa::Path, H: Handler<T, Arc<Service>>, T: 'static>(routes: Routes, handler: &H) -> Routes {
    let on = |methods: MethodRouter<_>, method| methods.on(filter(&method), handler.clone());
    routes.route(&P::path(), P::methods().into_iter().fold(MethodRouter::new(), on))
}

/// How axum names a method.
fn filter(method: &HttpMethod) -> MethodFilter {
    match method {
        HttpMethod::Get => MethodFilter::GET,
        HttpMethod::Put => MethodFilter::PUT,
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Delete => MethodFilter::DELETE,
        HttpMethod::Options => MethodFilter::OPTIONS,
        HttpMethod::Head => MethodFilter::HEAD,
        HttpMethod::Patch => MethodFilter::PATCH,
        HttpMethod::Trace => MethodFilter::TRACE,
    }
}

/// Groups of routes. A line is one path, with the handlers of its methods.
macro_rules! routes {
    ($(
        $(#[doc = $doc:literal])* $(#[cfg($cfg:meta)])?
        $group:ident { $($($module:ident::$handler:ident),+;)+ }
    )+) => {
        $(
            $(#[doc = $doc])* $(#[cfg($cfg)])?
            pub(crate) fn $group() -> Routes {
                let routes = Routes::new();
                $($(pastey::paste! {
                    let routes = add::<$module::[<__path_ $handler>], _, _>(routes, &$module::$handler);
                })+)+
                routes
            }
        )+

        /// All routes, as the OpenAPI document has them.
        #[cfg(all(test, feature = "console"))]
        pub(crate) fn described() -> utoipa::openapi::OpenApi {
            let routes = utoipa_axum::router::OpenApiRouter::new();
            let routes = routes$($(.routes(utoipa_axum::routes!($($module::$handler),+)))+)+;
            routes.into_openapi()
        }
    };
}

routes! {
    /// What clients of orders call beside [`submission`]. Answers hold tokens and presigned URLs.
    following {
        submit_orders::submit_orders;
        get_group::get_group;
        get_order::get_order, cancel_order::cancel_order;
        order_events::order_events;
        websocket::websocket;
        webhook_secret::webhook_secret;
    }

    /// By what one order is submitted.
    submission {
        submit_order::submit_order;
    }

    /// What operators call.
    operation {
        list_orders::list_orders;
        work_log::work_log;
        describe_order::describe_order, erase_order::erase_order;
        act_on_order::cancel_any_order;
        act_on_order::redrive_order;
        act_on_order::purge_order;
        session::get_session, session::open_session, session::close_session;
        overview::counts;
        overview::workers;
        overview::endpoints;
        doctor::doctor;
        admin_events::admin_events;
        actions::list_actions, actions::start_action;
        actions::get_action, actions::abort_action;
        deliveries::list_deliveries, deliveries::replay_delivery;
        deliveries_test::send_test;
        deliveries_test::get_test;
    }

    /// What the console's page of costs calls.
    #[cfg(feature = "console")]
    costs {
        cost::cost;
    }

    /// The api's own documentation.
    pages {
        openapi::openapi;
        docs::docs;
    }

    /// What load balancers call.
    probes {
        healthz::healthz;
        readyz::readyz;
    }

    /// What monitoring calls.
    metrics {
        metrics::metrics;
    }
}
