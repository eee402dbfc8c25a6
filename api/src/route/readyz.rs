//! `GET /readyz`: the dependencies can be reached.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};

use crate::{readiness::Dependencies, service::Service};

/// Readiness
///
/// Which of S3, SQS and DynamoDB can be reached and, where writes failed lately, written, as of at
/// most a second ago, and how wrong this machine's clock is.
#[utoipa::path(get, path = "/readyz", tag = "operations", operation_id = "readyz",
    responses(
        (status = 200, description = "All can be reached", body = Dependencies),
        (status = 503, description = "Some cannot", body = Dependencies),
    ))]
pub(crate) async fn readyz(State(service): State<Arc<Service>>) -> (StatusCode, Json<Dependencies>) {
    let dependencies = service.readiness.check(&service.stores, &service.write_health).await;
    let status = if dependencies.all_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(dependencies))
}
