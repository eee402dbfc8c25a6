//! `GET /metrics`: for Prometheus.

use std::sync::Arc;

use axum::{extract::State, http::header, response::IntoResponse};

use offload_service::clock;

use crate::{metrics::CONTENT_TYPE, service::Service};

/// Metrics
#[utoipa::path(get, path = "/metrics", tag = "operations", operation_id = "metrics",
    responses((status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text")))]
pub(crate) async fn metrics(State(service): State<Arc<Service>>) -> impl IntoResponse {
    service.metrics.open_connections(service.connections.as_ref().map_or(0, |connections| connections.len()));
    service.metrics.clock_offset(clock::offset());
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], service.metrics.text())
}
