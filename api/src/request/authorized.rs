//! Authorization: a request has the token of its order. It is checked before any lookup, so that a
//! client without it cannot learn which orders exist.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path, Query},
    http::{HeaderMap, header, request::Parts},
};
use offload_domain::id::OrderId;
use serde::Deserialize;

use crate::{response::error::ApiError, service::Service};

/// The order of the path, whose token came with the request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Authorized(pub(crate) OrderId);

/// For browser APIs that cannot set headers. Such a URL is a secret: the service logs no query.
#[derive(Default, Deserialize)]
struct TokenQuery {
    token: Option<String>,
}

impl FromRequestParts<Arc<Service>> for Authorized {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, ApiError> {
        let Ok(Path(id)) = Path::<String>::from_request_parts(parts, service).await else {
            return Err(ApiError::InvalidOrderId);
        };
        let id: OrderId = id.parse().map_err(|_| ApiError::InvalidOrderId)?;
        let query = Query::<TokenQuery>::try_from_uri(&parts.uri).map(|q| q.0).unwrap_or_default();
        let token = bearer(&parts.headers).or(query.token.as_deref()).ok_or(ApiError::TokenMissing)?;
        if service.settings.token_keys.verify(id, token) { Ok(Self(id)) } else { Err(ApiError::TokenInvalid) }
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750; the scheme's case does not matter).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_read_in_any_spelling_of_its_scheme() {
        let of = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            bearer(&headers).map(str::to_owned)
        };
        for good in ["Bearer v1.x", "bearer v1.x", "BEARER  v1.x "] {
            assert_eq!(of(good).as_deref(), Some("v1.x"), "{good}");
        }
        for none in ["Basic v1.x", "Bearer", "Bearer ", "v1.x", ""] {
            assert_eq!(of(none), None, "{none}");
        }
        assert_eq!(bearer(&HeaderMap::new()), None);
    }
}
