//! The whole api: the routes within their layers.

use std::{io, sync::Arc};

use axum::{
    Extension, Router,
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
};
use offload_domain::caller::Role;
use tokio::sync::Semaphore;

use crate::{
    caller::identity::{Identity, identify},
    edge::{self, limit_clients::limit_clients, limit_concurrency::limit_concurrency, limit_tenants::limit_tenants},
    openapi::{self, Document},
    response::error::ApiError,
    route::{self, Routes, session::OperatorsListener},
    service::Service,
};

/// Requests of operators in service at once, on their own listener.
const OPERATORS_REQUESTS_MAX: usize = 64;

/// The whole api, as clients reach it.
///
/// # Errors
/// If the settings name an origin that is none.
pub(crate) fn router(service: &Arc<Service>) -> io::Result<Router> {
    let connections = &service.settings.connections;
    // Not for probes: a process whose probe is refused under load is killed, and the others get its
    // load.
    let operators = if connections.admin_listen_only { Routes::new() } else { route::operators() };
    let metrics = if connections.admin_listen.is_none() { route::metrics() } else { Routes::new() };
    let routes = for_callers(route::orders().merge(operators), service)
        .merge(pages(service))
        .layer(from_fn_with_state(Arc::clone(service), admit_clients))
        .merge(route::probes())
        .merge(metrics);
    let routes = with_fallbacks(routes);
    let routes = if connections.admin_listen_only { routes } else { with_console(routes, service) };
    edge::wrap(routes, service, Arc::new(connections.hosts.clone()))
}

/// What operators and monitoring call, for a listener that clients do not reach. Requests may name
/// any host there, and have permits of their own, which clients cannot take.
///
/// # Errors
/// If the settings name an origin that is none.
pub(crate) fn admin_router(service: &Arc<Service>) -> io::Result<Router> {
    let permits = (Arc::clone(service), Arc::new(Semaphore::new(OPERATORS_REQUESTS_MAX)));
    let mut operators = route::operators();
    if service.callers.console().is_some() {
        // Its pages submit orders.
        operators = operators.merge(route::submission().layer(from_fn_with_state(Arc::clone(service), only_operators)));
    }
    let routes = for_callers(operators, service)
        .layer(from_fn_with_state(Arc::clone(service), forget_proxy))
        .layer(Extension(OperatorsListener))
        .merge(pages(service))
        .layer(from_fn_with_state(permits, admit_operators))
        .merge(route::probes())
        .merge(route::metrics());
    edge::wrap(with_console(with_fallbacks(routes), service), service, Arc::default())
}

/// Routes whose handlers ask who calls.
fn for_callers(routes: Routes, service: &Arc<Service>) -> Routes {
    routes.layer(from_fn_with_state(Arc::clone(service), know_caller))
}

/// Finds out who calls, and admits so many requests of a tenant.
async fn know_caller(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let admitted = async |request| limit_tenants(&service, request, async |request| next.run(request).await).await;
    let mut response = identify(&service, request, admitted).await;
    // Answers of orders hold tokens and presigned URLs.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Admits so many requests of a client, and so many of all.
async fn admit_clients(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let permits = Arc::clone(&service.request_permits);
    let next = async |request| next.run(request).await;
    let admitted = async |request| limit_concurrency(&service, permits, request, next).await;
    limit_clients(&service, request, admitted).await
}

/// Admits so many requests of operators.
async fn admit_operators(
    State((service, permits)): State<(Arc<Service>, Arc<Semaphore>)>,
    request: Request,
    next: Next,
) -> Response {
    limit_concurrency(&service, permits, request, async |request| next.run(request).await).await
}

/// The api's own documentation, where clients may read it.
fn pages(service: &Arc<Service>) -> Routes {
    if !service.settings.connections.docs {
        return Routes::new();
    }
    let documented = Arc::clone(service);
    let document = Document::new(move || openapi::document(&documented.settings.schema));
    route::pages().layer(Extension(document))
}

/// The routes with the console's page, where it is on.
fn with_console(routes: Router<Arc<Service>>, service: &Arc<Service>) -> Router<Arc<Service>> {
    #[cfg(feature = "console")]
    if service.callers.console().is_some() {
        return routes.layer(from_fn_with_state(Arc::clone(service), edge::console_pages::console_pages));
    }
    let _ = service;
    routes
}

fn with_fallbacks(routes: Router<Arc<Service>>) -> Router<Arc<Service>> {
    routes.method_not_allowed_fallback(async || ApiError::MethodNotAllowed).fallback(async || ApiError::NotFound)
}

/// Takes away what a proxy would state of the caller: none is in front of the operators' listener,
/// where anybody could have written it.
async fn forget_proxy(State(service): State<Arc<Service>>, mut request: Request, next: Next) -> Response {
    if let Some(name) = &service.settings.auth.header {
        request.headers_mut().remove(name);
    }
    next.run(request).await
}

/// Lets operators through, also to a route that others may call elsewhere.
async fn only_operators(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match Identity::of(&parts).operator(&service, Role::Submit) {
        Ok(_) => next.run(Request::from_parts(parts, body)).await,
        Err(e) => e.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use offload_domain::{id::OrderId, token::Access};
    use offload_service::settings::catalogue as c;
    use serde_json::json;

    use super::*;
    use crate::testing::{ORDER, ask, call, request, send, service};

    const JSON: (&str, &str) = ("content-type", "application/json");

    fn id() -> OrderId {
        OrderId::new(chrono::DateTime::UNIX_EPOCH)
    }

    #[tokio::test]
    async fn a_bad_order_is_refused_before_any_call_to_aws() {
        let items = |n: usize, quantity: u32| {
            json!({"kind": "fulfilment", "items": vec![json!({"sku": "A", "quantity": quantity}); n]}).to_string()
        };
        let large = format!("{{\"kind\":\"{}\"}}", "x".repeat(257 * 1024));
        for (headers, body, status, slug) in [
            (&[("content-type", "text/plain")][..], ORDER, 415, "unsupported-media-type"),
            (&[], ORDER, 415, "unsupported-media-type"),
            (&[JSON], &large, 413, "body-too-large"),
            (&[JSON], "{\"kind\":", 400, "invalid-json"),
            (&[JSON], "", 400, "invalid-json"),
            (&[JSON], "[]", 422, "invalid-order"),
            (&[JSON], "{\"kind\":\"report\",\"rows\":1,\"x\":1}", 422, "invalid-order"),
            (&[JSON], &items(1, 0), 422, "invalid-order"),
            (&[JSON], &items(101, 1), 422, "invalid-order"),
            (&[JSON, ("prefer", "wait=abc")], ORDER, 400, "invalid-prefer"),
            (&[JSON, ("idempotency-key", "a b")], ORDER, 400, "invalid-idempotency-key"),
            (&[JSON, ("idempotency-key", "a"), ("idempotency-key", "b")], ORDER, 400, "invalid-idempotency-key"),
        ] {
            let answer = send("POST", "/order", headers, body).await;
            assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (status, slug), "{headers:?}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
        }
    }

    #[tokio::test]
    async fn each_violation_of_an_order_is_answered_with_its_pointer() {
        let order = r#"{"kind":"fulfilment","items":[{"sku":"A","quantity":0}]}"#;
        let answer = send("POST", "/order", &[JSON], order).await;
        assert_eq!(answer.json()["errors"][0]["pointer"], "/items/0/quantity");
    }

    #[tokio::test]
    async fn an_order_that_cannot_be_stored_is_a_503_and_not_an_order() {
        for key in [&[JSON][..], &[JSON, ("idempotency-key", "k")]] {
            let answer = send("POST", "/order", key, ORDER).await;
            assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (503, "storage-unavailable"));
            assert_eq!(answer.header("retry-after"), Some("2"));
            assert!(answer.json()["detail"].as_str().unwrap().contains("Idempotency-Key"));
        }
    }

    #[tokio::test]
    async fn an_order_is_read_with_its_own_token_only() {
        let service = service(&[]).await;
        let router = router(&service).unwrap();
        let (id, other) = (id(), id());
        let until = offload_service::clock::now() + chrono::TimeDelta::hours(1);
        let sign = |order| service.settings.token_keys.sign(order, Access::Full, until);
        let (own, foreign) = (sign(id), sign(other));
        let (own_header, foreign_header) = (format!("Bearer {own}"), format!("bearer {foreign}"));
        for method in ["GET", "DELETE"] {
            for (path, authorization, status, slug) in [
                ("/order/x".to_owned(), None, 400, "invalid-order-id"),
                ("/order/%ff".to_owned(), None, 400, "invalid-order-id"),
                (format!("/order/{id}"), None, 401, "token-missing"),
                (format!("/order/{id}"), Some("Basic abc"), 401, "token-missing"),
                (format!("/order/{id}?token=nonsense"), None, 403, "token-invalid"),
                (format!("/order/{id}?token={foreign}"), None, 403, "token-invalid"),
                (format!("/order/{id}"), Some(foreign_header.as_str()), 403, "token-invalid"),
                // The token is valid: only now is a store called.
                (format!("/order/{id}"), Some(own_header.as_str()), 503, "storage-unavailable"),
                (format!("/order/{id}?token={own}"), None, 503, "storage-unavailable"),
            ] {
                let headers: Vec<_> = authorization.map(|a| ("authorization", a)).into_iter().collect();
                let answer = call(&router, request(method, &path, &headers, "")).await;
                assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (status, slug), "{method} {path}");
                assert_eq!(answer.header("www-authenticate"), (status == 401).then_some("Bearer"));
            }
        }
        let get = request("GET", &format!("/order/{id}"), &[("authorization", &own_header), ("prefer", "wait=x")], "");
        assert_eq!(call(&router, get).await.slug(), "invalid-prefer");
    }

    #[tokio::test]
    async fn the_document_has_exactly_the_routes_that_are_served() {
        let service = service(&[]).await;
        let router = router(&service).unwrap();
        let document = call(&router, request("GET", "/openapi.json", &[], "")).await.json();
        assert_eq!(document, crate::openapi::document(&service.settings.schema), "the committed one is served");
        let documented = document["paths"].as_object().unwrap();

        // axum gives no list of its routes, but its debug text names them, and those of its
        // fallbacks after them.
        let text = format!("{router:?}");
        let routes = text.split("fallback_router").next().unwrap();
        let served: BTreeSet<_> = routes.split('"').filter(|part| part.starts_with('/')).collect();
        assert_eq!(documented.keys().map(String::as_str).collect::<BTreeSet<_>>(), served);

        for (path, operations) in documented {
            let mut methods: BTreeSet<_> = operations.as_object().unwrap().keys().map(|m| m.to_uppercase()).collect();
            if methods.contains("GET") {
                methods.insert("HEAD".to_owned());
            }
            let answer = call(&router, request("PATCH", &path.replace("{id}", "x"), &[], "")).await;
            assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (405, "method-not-allowed"), "{path}");
            let allowed = answer.header("allow").unwrap().split(',').map(str::to_owned).collect::<BTreeSet<_>>();
            assert_eq!(allowed, methods, "{path}");
        }
    }

    #[tokio::test]
    async fn a_path_without_a_route_is_a_problem() {
        let answer = ask("GET", "/nowhere", &[]).await;
        assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (404, "not-found"));
    }

    #[tokio::test]
    async fn a_service_without_a_permit_refuses_orders_but_not_probes() {
        let service = service(&[(c::MAX_CONCURRENT_REQUESTS, "1")]).await;
        let router = router(&service).unwrap();
        let permit = Arc::clone(&service.request_permits).try_acquire_owned().unwrap();
        for (method, path) in [("GET", "/docs"), ("POST", "/order")] {
            let answer = call(&router, request(method, path, &[], "")).await;
            assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (503, "overloaded"), "{path}");
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
        let alive = call(&router, request("GET", "/healthz", &[], "")).await;
        assert_eq!((alive.status.as_u16(), alive.json()), (200, json!({"status": "ok"})));
        drop(permit);
        assert_eq!(call(&router, request("GET", "/docs", &[], "")).await.status, 200);
        assert_eq!(service.request_permits.available_permits(), 1, "a permit is returned");
    }

    #[tokio::test]
    async fn readiness_names_what_is_unavailable() {
        let answer = ask("GET", "/readyz", &[]).await;
        assert_eq!(answer.status, 503);
        assert_eq!(
            answer.json(),
            json!({"s3": "unavailable", "sqs": "unavailable", "dynamodb": "unavailable", "clock_offset_seconds": 0.0})
        );
    }

    #[tokio::test]
    async fn every_answer_has_the_common_headers() {
        for path in ["/healthz", "/nowhere", "/openapi.json", "/docs", "/metrics", "/order/x"] {
            let answer = ask("GET", path, &[("x-request-id", "mine-1"), ("origin", "https://shop.example")]).await;
            assert_eq!(answer.header("x-request-id"), Some("mine-1"), "{path}");
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
        }
    }

    #[tokio::test]
    async fn a_page_may_submit_from_the_origins_of_the_settings() {
        let service = service(&[(c::CORS_ORIGINS, "https://a.example,https://b.example")]).await;
        let router = router(&service).unwrap();
        let preflight = |origin| {
            let headers = [("origin", origin), ("access-control-request-method", "POST")];
            call(&router, request("OPTIONS", "/order", &headers, ""))
        };
        let answer = preflight("https://b.example").await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://b.example"));
        assert!(answer.header("access-control-allow-headers").unwrap().contains("idempotency-key"));
        assert_eq!(preflight("https://c.example").await.header("access-control-allow-origin"), None);
    }

    #[tokio::test]
    async fn requests_are_counted_by_route_and_not_by_path() {
        let service = service(&[]).await;
        let router = router(&service).unwrap();
        call(&router, request("GET", &format!("/order/{}?token=x", id()), &[], "")).await;
        call(&router, request("GET", "/nowhere", &[], "")).await;
        let text = call(&router, request("GET", "/metrics", &[], "")).await.body;
        assert!(text.contains(r#"http_requests_total{method="GET",route="/order/{id}",status="403"} 1"#), "{text}");
        assert!(text.contains(r#"http_requests_total{method="GET",route="unmatched",status="404"} 1"#), "{text}");
    }

    #[tokio::test]
    async fn the_page_of_the_documentation_runs_only_its_own_script() {
        let answer = ask("GET", "/docs", &[]).await;
        let policy = answer.header("content-security-policy").unwrap();
        let nonce = policy.split("script-src 'nonce-").nth(1).unwrap().split('\'').next().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"));
        assert_eq!(answer.body.matches(&format!("nonce=\"{nonce}\"")).count(), 2);
        assert!(!answer.body.contains("%NONCE%") && !answer.body.contains("http"), "nothing comes from elsewhere");
    }
}
