//! Cross-origin requests, by each bucket's rules: preflights, and the headers of every other
//! response.

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response};
use s3s::dto::CORSRule;

use super::registry::Registry;
use super::xml::ErrorResponse;
use crate::wire::{self, Body, set, text};

/// The response to a browser's `OPTIONS`.
pub(super) fn preflight(registry: &Registry, head: &Parts) -> Response<Body> {
    let (Some(origin), Some(method)) =
        (text(&head.headers, "origin"), text(&head.headers, "access-control-request-method"))
    else {
        return ErrorResponse::bad_request("BadRequest", "Insufficient information. Origin request header needed.")
            .into_response();
    };
    let requested: Vec<&str> = text(&head.headers, "access-control-request-headers")
        .map(|names| names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect())
        .unwrap_or_default();
    let Some(rules) = registry.find(bucket_of(head.uri.path())).and_then(|bucket| bucket.cors.clone()) else {
        return ErrorResponse::forbidden("AccessForbidden", "CORSResponse: CORS is not enabled for this bucket.")
            .into_response();
    };
    let rule = rules
        .iter()
        .find(|rule| admits(rule, origin, method) && requested.iter().all(|name| admits_header(rule, name)));
    let Some(rule) = rule else {
        return ErrorResponse::forbidden("AccessForbidden", "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.")
            .into_response();
    };
    let mut response = Response::new(wire::empty());
    let headers = response.headers_mut();
    describe(headers, rule, origin);
    if !requested.is_empty() {
        set(headers, "access-control-allow-headers", &requested.join(", "));
    }
    if let Some(seconds) = rule.max_age_seconds {
        headers.insert("access-control-max-age", HeaderValue::from(seconds));
    }
    response
}

/// Adds the headers that let a page read this response: an object, a 304 or an error.
pub(super) fn decorate(
    registry: &Registry,
    path: &str,
    method: &Method,
    origin: Option<&str>,
    headers: &mut HeaderMap,
) {
    let Some(origin) = origin else { return };
    let Some(rules) = registry.find(bucket_of(path)).and_then(|bucket| bucket.cors.clone()) else { return };
    if let Some(rule) = rules.iter().find(|rule| admits(rule, origin, method.as_str())) {
        describe(headers, rule, origin);
    }
}

fn describe(headers: &mut HeaderMap, rule: &CORSRule, origin: &str) {
    let any = rule.allowed_origins.iter().any(|allowed| allowed == "*");
    set(headers, "access-control-allow-origin", if any { "*" } else { origin });
    set(headers, "access-control-allow-methods", &rule.allowed_methods.join(", "));
    if !any {
        set(headers, "access-control-allow-credentials", "true");
    }
    if let Some(exposed) = &rule.expose_headers {
        set(headers, "access-control-expose-headers", &exposed.join(", "));
    }
    set(headers, "vary", "Origin, Access-Control-Request-Headers, Access-Control-Request-Method");
}

fn admits(rule: &CORSRule, origin: &str, method: &str) -> bool {
    rule.allowed_methods.iter().any(|allowed| allowed == method)
        && rule.allowed_origins.iter().any(|allowed| matches_wildcard(allowed, origin))
}

fn admits_header(rule: &CORSRule, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    rule.allowed_headers.iter().flatten().any(|allowed| matches_wildcard(&allowed.to_ascii_lowercase(), &name))
}

/// S3 allows one `*` in an origin or header.
fn matches_wildcard(pattern: &str, value: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == value,
        Some((start, end)) => {
            value.len() >= start.len() + end.len() && value.starts_with(start) && value.ends_with(end)
        }
    }
}

/// The bucket alone decides, so the key is not decoded.
fn bucket_of(path: &str) -> &str {
    path.trim_start_matches('/').split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_matches_any_text() {
        assert!(matches_wildcard("*", "https://a.example"));
        assert!(matches_wildcard("https://*.example", "https://a.example"));
        assert!(!matches_wildcard("https://*.example", "http://a.example"));
        assert!(!matches_wildcard("ab*ba", "aba"), "the two ends may not overlap");
        assert!(matches_wildcard("x-amz-*", "x-amz-meta-a"));
    }
}
