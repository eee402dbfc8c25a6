//! `GET /openapi.json`: this document, with the order schema of this deployment.

use axum::{Extension, http::header, response::IntoResponse};

use crate::openapi::Document;

/// OpenAPI
///
/// This document, with the schema of the orders that this deployment accepts.
#[utoipa::path(get, path = "/openapi.json", tag = "operations", operation_id = "openapi",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object, content_type = "application/json")))]
pub(crate) async fn openapi(Extension(document): Extension<Document>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], document.json())
}
