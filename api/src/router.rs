//! Which route leads where, and through what.

use std::{io, sync::Arc};

use axum::{
    Router,
    http::{HeaderValue, header},
    middleware::{from_fn, from_fn_with_state, map_response},
    response::Response,
    routing::{get, post},
};

use crate::{
    edge::{cors, frame::frame, guard::guard, shed::shed},
    error::ApiError,
    route::{
        cancel_order::cancel_order, docs::docs, healthz::healthz, metrics::metrics, openapi::openapi, readyz::readyz,
        show_order::show_order, submit_order::submit_order,
    },
    service::Service,
};

/// The whole api.
///
/// # Errors
/// If the settings name an origin that is none.
pub(crate) fn router(service: &Arc<Service>) -> io::Result<Router> {
    let orders = Router::new()
        .route("/order", post(submit_order))
        .route("/order/{id}", get(show_order).delete(cancel_order))
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(map_response(no_store));
    let pages = Router::new().route("/openapi.json", get(openapi)).route("/docs", get(docs));
    // Under load they are needed most: a probe that is refused has the process killed, and more load on the others.
    let probes =
        Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).route("/metrics", get(metrics));
    let shedding = from_fn_with_state(Arc::clone(service), shed);
    Ok(orders
        .merge(pages.method_not_allowed_fallback(async || ApiError::MethodNotAllowed))
        .layer(shedding)
        .merge(probes.method_not_allowed_fallback(async || ApiError::MethodNotAllowed))
        .fallback(async || ApiError::NotFound)
        .layer(from_fn(guard))
        .layer(cors::layer(&service.settings.cors_origins)?)
        .layer(from_fn_with_state(Arc::clone(service), frame))
        .with_state(Arc::clone(service)))
}

/// Tokens and presigned URLs are in there.
async fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
