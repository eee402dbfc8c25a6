//! The bearer's token of a request.

use axum::http::{HeaderMap, header as headers};

/// The token of an `Authorization: Bearer` header (RFC 6750; the scheme's case does not matter).
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(headers::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
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
            headers.insert(headers::AUTHORIZATION, value.parse().unwrap());
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
