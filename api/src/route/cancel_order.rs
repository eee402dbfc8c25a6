//! `DELETE /order/{id}`: requests cancellation.

use std::sync::Arc;

use crate::{
    edge::limit_concurrency::RequestPermit, request::authorized::Authorized, request::order_path::OrderPath,
    response::error::ApiError, response::status_view::StatusView, route::problems::problems, service::Service,
};
use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use offload_lifecycle::cancel::{self, Cancelled, NotCancelled};

problems!(
    Problems: InvalidOrderId, InvalidQuery, TokenMissing, TokenInvalid, TokenExpired, TokenReadOnly, CredentialsInvalid, RoleMissing,
    CallersUnavailable, OrderNotFound, OrderAlreadyEnded, StorageUnavailable, Overloaded, TooManyRequests,
);

/// Cancel an order
///
/// A pending order is cancelled at once. One that is being processed is cancelled by its worker
/// within seconds, unless it ends first: poll `status_url` to see which.
#[utoipa::path(
    delete,
    path = "/order/{id}",
    tag = "orders",
    operation_id = "cancelOrder",
    security(("order_token" = []), ("order_token_in_header" = []), ("order_token_in_query" = []), ("caller" = [])),
    params(OrderPath),
    responses(
        (status = 200, description = "The order was cancelled before", body = StatusView),
        (status = 202, description = "Cancellation is requested; status says whether it is done already", body = StatusView),
        Problems,
    )
)]
pub(crate) async fn cancel_order(
    State(service): State<Arc<Service>>,
    authorized: Authorized,
    Extension(permit): Extension<RequestPermit>,
) -> Result<Response, ApiError> {
    let id = authorized.cancel(&service).await?;
    let own = Arc::clone(&service);
    let cancelled = service.background.run_to_completion(async move {
        let late = |e: &_| own.record_aws_error("a cancelled order is not published yet; a worker will do it", e);
        let cancelled = cancel::cancel(&own.stores, id, late).await;
        drop(permit);
        cancelled
    });
    let (status, record) = match cancelled.await.map_err(refusal)? {
        Cancelled::Before(record) => (StatusCode::OK, record),
        Cancelled::Now(record) => {
            if record.state.status.is_final() {
                service.metrics.cancelled();
            }
            (StatusCode::ACCEPTED, record)
        }
    };
    Ok((status, Json(StatusView::of(&service, &record).await?)).into_response())
}

fn refusal(refused: NotCancelled) -> ApiError {
    match refused {
        NotCancelled::Ended(status) => ApiError::OrderAlreadyEnded(status),
        NotCancelled::NotFound => ApiError::OrderNotFound,
        NotCancelled::Failed(e) => e.into(),
    }
}
