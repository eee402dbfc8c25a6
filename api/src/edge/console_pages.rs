//! The console's page and its files, which are part of the program.
//!
//! The page is served to browsers at the paths of its views; a program that asks for JSON there
//! gets what it got without a console.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::service::Service;

/// The files of the page, as `console/` builds them.
#[derive(RustEmbed)]
#[folder = "../console/dist"]
struct Files;

const PAGE: &str = "index.html";
/// The beginning of the page's links: replaced where the page is one level down, so that the
/// console works below any path.
const BASE: &str = r#"<base href="./">"#;
const BASE_ONE_DOWN: &str = r#"<base href="../">"#;

/// The views of the page.
const VIEWS: [&str; 11] =
    ["", "orders", "new", "dead", "actions", "deliveries", "workers", "eta", "cost", "doctor", "about"];
/// Those that have one of their things below them.
const VIEWS_OF_ONE: [&str; 2] = ["orders", "actions"];
/// Files whose names change with their contents.
const HASHED: &str = "assets/";

/// Serves the console's files, and passes on what is none of them.
pub(crate) async fn console_pages(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let path = request.uri().path().trim_start_matches('/');
    let headers = request.headers();
    let response = match depth(path) {
        Some(depth) if wants_html(headers) => page(&service, depth).await,
        Some(_) => None,
        None => file(path, headers),
    };
    match response {
        Some(response) => response,
        None => next.run(request).await,
    }
}

/// How many levels down a view is; `None` if the path is none.
fn depth(path: &str) -> Option<usize> {
    match path.split_once('/') {
        None => VIEWS.contains(&path).then_some(0),
        Some((view, one)) => (VIEWS_OF_ONE.contains(&view) && !one.is_empty() && !one.contains('/')).then_some(1),
    }
}

/// Whether the client is a browser that opens a page.
fn wants_html(headers: &HeaderMap) -> bool {
    let accept = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accept.flat_map(|text| text.split(',')).any(|range| {
        let kind = range.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/html")
    })
}

async fn page(service: &Service, depth: usize) -> Option<Response> {
    let text = String::from_utf8(Files::get(PAGE)?.data.into_owned()).ok()?;
    let text = if depth == 0 { text } else { text.replacen(BASE, BASE_ONE_DOWN, 1) };
    let mut response = ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], text).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy(service.status_origin().await.as_deref()));
    Some(response)
}

/// The page may connect to its own origin and to that of status URLs, and run nothing but its own
/// files.
fn policy(statuses: Option<&str>) -> HeaderValue {
    let policy = format!(
        "default-src 'self'; connect-src 'self' {}; img-src 'self' data:; base-uri 'self'; form-action 'self'; \
         frame-ancestors 'none'; object-src 'none'",
        statuses.unwrap_or_default()
    );
    HeaderValue::try_from(policy).unwrap_or_else(|_| HeaderValue::from_static("default-src 'self'"))
}

fn file(path: &str, headers: &HeaderMap) -> Option<Response> {
    let is_page = path == PAGE || path.ends_with(".br");
    let plain = Files::get(path).filter(|_| !is_page && !path.is_empty())?;
    let accepts_brotli = headers.get_all(header::ACCEPT_ENCODING).iter().any(|value| {
        value.to_str().is_ok_and(|text| text.split(',').any(|coding| coding.trim().split(';').next() == Some("br")))
    });
    let packed = if accepts_brotli { Files::get(&format!("{path}.br")) } else { None };
    let is_packed = packed.is_some();
    let EmbeddedFile { data, metadata } = packed.unwrap_or(plain);
    let hash: String = metadata.sha256_hash().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let etag = HeaderValue::try_from(format!("\"{hash}\"")).ok()?;
    let known = headers.get(header::IF_NONE_MATCH) == Some(&etag);
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { data.into_owned().into_response() };
    let answer = response.headers_mut();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(path)));
    answer.insert(header::ETAG, etag);
    answer.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_packed {
        answer.insert(header::CONTENT_ENCODING, HeaderValue::from_static("br"));
    }
    let cached = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    answer.insert(header::CACHE_CONTROL, HeaderValue::from_static(cached));
    Some(response)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "html" => "text/html; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" | "webmanifest" => "application/json",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use offload_service::settings::catalogue as c;

    use crate::{
        router::router,
        testing::{call, request, service},
    };

    #[tokio::test]
    async fn browsers_get_the_console_and_programs_what_they_got_without_it() {
        let key = "k".repeat(32);
        let html = [("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")];
        let on = router(&service(&[(c::CONSOLE, "on"), (c::CONSOLE_KEY, &key)]).await).unwrap();
        let off = router(&service(&[]).await).unwrap();
        for (path, base) in [("/", "./"), ("/orders?q=state:dead", "./"), ("/orders/x", "../"), ("/workers", "./")] {
            let answer = call(&on, request("GET", path, &html, "")).await;
            assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
            assert!(answer.body.contains(&format!("<base href=\"{base}\">")), "{path}");
            let policy = answer.header("content-security-policy").unwrap();
            assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
            assert!(policy.contains("connect-src 'self' http://127.0.0.1:1;"), "{policy}");
            assert_ne!(call(&off, request("GET", path, &html, "")).await.status, 200, "{path}");
        }
        for headers in [&[][..], &[("accept", "application/json")], &[("accept", "*/*")]] {
            let answer = call(&on, request("GET", "/", headers, "")).await;
            assert_eq!((answer.status.as_u16(), answer.slug().as_str()), (404, "not-found"), "{headers:?}");
        }
        let batch = call(&on, request("POST", "/orders", &html, "")).await;
        assert_eq!(batch.slug(), "unsupported-media-type", "the route of the same path");
        for path in ["/index.html.br", "/assets/..%2f..%2fCargo.toml", "/assets/../Cargo.toml", "/index.html"] {
            assert_eq!(call(&on, request("GET", path, &[], "")).await.status, 404, "{path}");
        }
    }
}
