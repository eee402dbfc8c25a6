//! `GET /openapi.json`: this api, with the order schema in force.

use std::sync::Arc;

use axum::{extract::State, http::header, response::IntoResponse};

use crate::service::Service;

/// OpenAPI
///
/// This document, with the schema of orders that this deployment takes.
#[utoipa::path(get, path = "/openapi.json", tag = "operations", operation_id = "openapi",
    responses((status = 200, description = "An OpenAPI 3.1 document", body = Object, content_type = "application/json")))]
pub(crate) async fn openapi(State(service): State<Arc<Service>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], service.openapi.clone())
}
