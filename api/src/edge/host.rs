//! Checks the host that a request names: one, and one of those that this deployment has.

use std::sync::Arc;

use axum::{
    extract::Request,
    http::{HeaderValue, Version, header, uri::Authority},
    response::{IntoResponse, Response},
};
use offload_domain::host::HostRule;

use crate::{client_address::Peer, response::error::ApiError};

/// The hosts that requests may name; `None` for any.
pub(crate) type Hosts = Arc<Option<Vec<HostRule>>>;

pub(crate) async fn check_host(
    hosts: &Hosts,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    // Where API Gateway has accepted the connection, it has checked the host too.
    if request.extensions().get::<Peer>().is_none() {
        return next(request).await;
    }
    match named_host(&request) {
        Err(e) => {
            // Two readers of such a request may not agree where it ends: nothing more is read.
            let mut response = e.into_response();
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
        Ok(Some(host)) if hosts.as_ref().as_ref().is_some_and(|rules| !rules.iter().any(|r| r.allows(&host))) => {
            ApiError::WrongHost.into_response()
        }
        Ok(_) => next(request).await,
    }
}

/// The host that a request names; `None` for one of HTTP/1.0, which need not (RFC 9112, 3.2).
fn named_host(request: &Request) -> Result<Option<String>, ApiError> {
    let mut named = request.headers().get_all(header::HOST).iter();
    let host = match (named.next(), named.next()) {
        (Some(host), None) => Some(Authority::try_from(host.as_bytes()).map_err(|_| ApiError::InvalidHost)?),
        (None, None) if request.version() == Version::HTTP_10 => None,
        _ => return Err(ApiError::InvalidHost),
    };
    // A target with a host of its own goes before the header.
    Ok(request.uri().authority().or(host.as_ref()).map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::{body::Body, http::Method};

    use super::*;

    async fn status(rules: Option<&str>, version: Version, uri: &str, hosts: &[&str]) -> u16 {
        let hosts_allowed: Hosts = Arc::new(rules.map(|text| HostRule::list(text).unwrap()));
        let mut request = Request::builder().method(Method::GET).version(version).uri(uri);
        for host in hosts {
            request = request.header(header::HOST, *host);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer(Ipv4Addr::LOCALHOST.into()));
        check_host(&hosts_allowed, request, async |_| "x".into_response()).await.status().as_u16()
    }

    #[tokio::test]
    async fn a_request_names_exactly_one_host() {
        let of = |version, hosts| status(None, version, "/x", hosts);
        assert_eq!(of(Version::HTTP_11, &["any.example:1"]).await, 200);
        assert_eq!(of(Version::HTTP_11, &[]).await, 400);
        assert_eq!(of(Version::HTTP_11, &["a.example", "a.example"]).await, 400);
        assert_eq!(of(Version::HTTP_11, &["a b"]).await, 400);
        assert_eq!(of(Version::HTTP_11, &[""]).await, 400);
        assert_eq!(of(Version::HTTP_10, &[]).await, 200);
        assert_eq!(of(Version::HTTP_10, &["a", "b"]).await, 400);
    }

    #[tokio::test]
    async fn a_host_of_somebody_else_is_misdirected() {
        let of = |uri, host| status(Some("loopback,api.example.com"), Version::HTTP_11, uri, host);
        assert_eq!(of("/x", &["localhost:8080"]).await, 200);
        assert_eq!(of("/x", &["api.example.com"]).await, 200);
        assert_eq!(of("/x", &["evil.example:8080"]).await, 421);
        assert_eq!(of("http://evil.example/x", &["localhost"]).await, 421, "the target goes first");
    }
}
