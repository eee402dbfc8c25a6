//! Which web pages may call the api (CORS).

use std::{io, time::Duration};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use offload_domain::host::is_loopback_origin;

use super::identity::{TRACEPARENT, TRACESTATE, X_REQUEST_ID};
use crate::{
    limits::{RATE_LIMIT, RATE_LIMIT_POLICY},
    request::{
        authorized::OFFLOAD_TOKEN,
        prefer::{PREFER, PREFERENCE_APPLIED},
    },
};

/// Chrome keeps a preflight for two hours at most.
const PREFLIGHT_AGE: Duration = Duration::from_secs(7_200);

/// Stands for all origins.
const ANY: &str = "*";
/// Stands for the origins of this machine.
const LOOPBACK: &str = "loopback";

/// The layer for these origins; `*` is any, and `loopback` those of this machine.
///
/// # Errors
/// If one cannot be an origin.
pub(crate) fn layer(origins: &[String]) -> io::Result<CorsLayer> {
    let origin = if origins.iter().any(|o| o == ANY) {
        AllowOrigin::any()
    } else {
        if let Some(wrong) = origins.iter().find(|o| HeaderValue::from_str(o).is_err()) {
            let text = format!("\"{wrong}\" is not an origin such as https://shop.example.org");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let origins = origins.to_vec();
        AllowOrigin::predicate(move |origin, _| allows(&origins, origin))
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
            TRACESTATE,
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

/// Whether pages of an origin may call the api.
fn allows(origins: &[String], origin: &HeaderValue) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    origins.iter().any(|o| o == ANY || o == origin || (o == LOOPBACK && is_loopback_origin(origin)))
}

/// Whether a WebSocket may be opened. Browsers ask no permission for it: they only name the page's
/// origin, as a client that is no page does not.
pub(crate) fn allows_websocket(origins: &[String], headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    // A page of the api itself.
    let own = |origin: &str| Some(origin.split_once("://")?.1.as_bytes() == headers.get(header::HOST)?.as_bytes());
    allows(origins, origin) || origin.to_str().ok().and_then(own) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_websocket_is_for_pages_of_the_origins_of_the_settings() {
        let origins = ["https://shop.example".to_owned(), LOOPBACK.to_owned()];
        let allowed = |origin: Option<&str>| {
            let mut headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_static("api.example:8443"))]);
            headers.extend(origin.map(|o| (header::ORIGIN, HeaderValue::from_str(o).unwrap())));
            allows_websocket(&origins, &headers)
        };
        for origin in ["https://shop.example", "http://localhost:3000", "https://api.example:8443"] {
            assert!(allowed(Some(origin)), "{origin}");
        }
        for origin in ["https://evil.example", "http://shop.example", "https://api.example", "null", ""] {
            assert!(!allowed(Some(origin)), "{origin}");
        }
        assert!(allowed(None), "no page");
        let evil = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_static("https://evil.example"))]);
        assert!(allows_websocket(&[ANY.to_owned()], &evil));
    }
}
