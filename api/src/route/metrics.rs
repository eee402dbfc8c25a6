//! `GET /metrics`: for Prometheus.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::IntoResponse,
};

use offload_service::{clock, metrics::negotiate};

use crate::service::Service;

/// Metrics
#[utoipa::path(get, path = "/metrics", tag = "operations", operation_id = "metrics",
    responses((status = 200, description = "OpenMetrics text", body = String, content_type = "application/openmetrics-text")))]
pub(crate) async fn metrics(State(service): State<Arc<Service>>, headers: HeaderMap) -> impl IntoResponse {
    // Where no order comes nobody else asks for the depths of the queues, or for the credentials.
    tokio::join!(service.estimator.observe(), service.stores.presigner.renew_credentials(clock::now()));
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    let (content_type, text) = negotiate(accept, service.metrics_text());
    ([(header::CONTENT_TYPE, content_type)], text)
}
