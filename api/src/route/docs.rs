//! `GET /docs`: the OpenAPI document as a page.

use axum::{
    http::{HeaderName, header},
    response::{IntoResponse, Response},
};
use uuid::Uuid;

const PAGE: &str = include_str!("docs.html");
/// Where the nonce belongs in the page.
const NONCE: &str = "%NONCE%";
const POLICY: HeaderName = HeaderName::from_static("content-security-policy");

/// Documentation
#[utoipa::path(get, path = "/docs", tag = "operations", operation_id = "docs",
    responses((status = 200, description = "A page of /openapi.json", body = String, content_type = "text/html")))]
pub(crate) async fn docs() -> Response {
    // Whatever a team's order schema has in its descriptions, it cannot run a script here.
    let nonce = Uuid::new_v4().simple().to_string();
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()), (POLICY, policy)];
    (headers, PAGE.replace(NONCE, &nonce)).into_response()
}
