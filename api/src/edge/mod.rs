//! What every request passes before and after its handler.

pub(crate) mod access_log;
#[cfg(feature = "console")]
pub(crate) mod console_pages;
pub(crate) mod cors;
pub(crate) mod host;
pub(crate) mod identity;
pub(crate) mod limit_clients;
pub(crate) mod limit_concurrency;
pub(crate) mod limit_tenants;
pub(crate) mod read_rest;

use std::{io, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use self::{
    access_log::access_log,
    host::{Hosts, check_host},
    read_rest::read_rest,
};
use crate::{response::error::ApiError, service::Service};

/// Wraps routes, which requests may reach by these hosts, in the layers that every request passes,
/// the outermost first.
///
/// # Errors
/// If the settings name an origin that is none.
pub(crate) fn wrap(routes: Router<Arc<Service>>, service: &Arc<Service>, hosts: Hosts) -> io::Result<Router> {
    // What a handler shares with others are AWS clients, semaphores and counters, none of which a
    // panic leaves half done: it costs its own request and no other.
    let catch_panic = CatchPanicLayer::custom(|_| ApiError::Panicked.into_response());
    // As one layer: between two of a router's own a request is boxed, and all beneath it cloned.
    let layers = ServiceBuilder::new()
        .layer(from_fn_with_state((Arc::clone(service), hosts), at_the_edge))
        .layer(cors::layer(&service.settings.cors_origins)?)
        .layer(catch_panic);
    Ok(routes.layer(layers).with_state(Arc::clone(service)))
}

/// The outermost, the first before the others. As one layer: each function that is a layer boxes
/// all that is within it, for every request.
async fn at_the_edge(State((service, hosts)): State<(Arc<Service>, Hosts)>, request: Request, next: Next) -> Response {
    let checked = async |request| check_host(&hosts, request, async |request| next.run(request).await).await;
    read_rest(request, async |request| access_log(service, request, checked).await).await
}

#[cfg(test)]
mod tests {
    use axum::routing::get;

    use super::*;
    use crate::testing::{call, request, service};

    #[tokio::test]
    async fn a_panic_costs_its_own_request_and_no_other() {
        let panicking = async || -> &'static str { panic!("a bug") };
        let routes = Router::new().route("/panic", get(panicking)).route("/fine", get(async || "fine"));
        let router = wrap(routes, &service(&[]).await, Arc::default()).unwrap();
        let answer = call(&router, request("GET", "/panic", &[], "")).await;
        assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (500, "internal"));
        assert!(!answer.body.contains("a bug"), "{}", answer.body);
        assert_eq!(call(&router, request("GET", "/fine", &[], "")).await.body, "fine");
    }
}
