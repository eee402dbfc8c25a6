//! Which web pages may call the api (CORS).

use std::{io, time::Duration};

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use offload_domain::host::is_loopback_origin;

use super::identity::{TRACEPARENT, X_REQUEST_ID};
use crate::{
    limits::{RATE_LIMIT, RATE_LIMIT_POLICY},
    request::{
        authorized::OFFLOAD_TOKEN,
        prefer::{PREFER, PREFERENCE_APPLIED},
    },
};

/// Chrome keeps a preflight for two hours at most.
const PREFLIGHT_AGE: Duration = Duration::from_secs(7_200);

/// Stands for the origins of this machine.
const LOOPBACK: &str = "loopback";

/// The layer for these origins; `*` is any, and `loopback` those of this machine.
///
/// # Errors
/// If one cannot be an origin.
pub(crate) fn layer(origins: &[String]) -> io::Result<CorsLayer> {
    let origin = if origins.iter().any(|o| o == "*") {
        AllowOrigin::any()
    } else {
        let header = |o: &String| {
            let text = format!("\"{o}\" is not an origin such as https://shop.example.org");
            HeaderValue::from_str(o).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, text))
        };
        let named = origins.iter().filter(|o| *o != LOOPBACK).map(header).collect::<io::Result<Vec<_>>>()?;
        let loopback = origins.iter().any(|o| o == LOOPBACK);
        AllowOrigin::predicate(move |origin, _| {
            named.contains(origin) || (loopback && origin.to_str().is_ok_and(is_loopback_origin))
        })
    };
    Ok(CorsLayer::new()
        .allow_origin(origin)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            OFFLOAD_TOKEN,
            HeaderName::from_static("idempotency-key"),
            PREFER,
            HeaderName::from_static("last-event-id"),
            TRACEPARENT,
            X_REQUEST_ID,
        ])
        .expose_headers([
            header::LOCATION,
            header::RETRY_AFTER,
            PREFERENCE_APPLIED,
            RATE_LIMIT,
            RATE_LIMIT_POLICY,
            X_REQUEST_ID,
            header::DATE,
        ])
        .max_age(PREFLIGHT_AGE))
}
