//! `POST /admin/orders/{id}/…`: cancels, redrives or purges one order.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
};
use offload_domain::{caller::Caller, caller::Role, id::OrderId, order::OrderRecord, status::Status};
use offload_lifecycle::{
    cancel::{self, Cancelled, NotCancelled},
    redrive::{self, Redriven},
};
use offload_stores::Error;

use super::deliveries::order_for;
use crate::{
    caller::identity::Identity,
    edge::limit_concurrency::RequestPermit,
    request::order_path::OrderPath,
    response::{error::ApiError, listed_order::ListedOrder},
    route::problems::problems,
    service::Service,
};

problems!(
    CancelProblems: InvalidOrderId, CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite, CallersUnavailable,
    OrderNotFound, OrderAlreadyEnded, NotFound, StorageUnavailable, Overloaded, TooManyRequests,
);
problems!(
    FailedProblems: InvalidOrderId, CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite, CallersUnavailable,
    OrderNotFound, OrderNotFailed, NotFound, StorageUnavailable, Overloaded, TooManyRequests,
);

/// Cancel any order
///
/// As `DELETE /order/{id}`, for operators: an order of the caller's tenant, or any for the role
/// `admin`. The log gets a line of who did it.
#[utoipa::path(
    post,
    path = "/admin/orders/{id}/cancel",
    tag = "operations",
    operation_id = "cancelAnyOrder",
    security(("caller" = []), ("console" = [])),
    params(OrderPath),
    responses(
        (status = 200, description = "The order was cancelled before", body = ListedOrder),
        (status = 202, description = "Cancellation is requested; status says whether it is done already", body = ListedOrder),
        CancelProblems,
    )
)]
pub(crate) async fn cancel_any_order(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Extension(identity): Extension<Identity>,
    Extension(permit): Extension<RequestPermit>,
) -> Result<(StatusCode, Json<ListedOrder>), ApiError> {
    let (caller, record) = order_for(&service, &identity, Role::Operate, &id).await?;
    let (id, own) = (record.order.id, Arc::clone(&service));
    let cancelled = service.background.run_to_completion(async move {
        let late = |e: &_| own.record_aws_error("a cancelled order is not published yet; a sweeper will do it", e);
        let cancelled = cancel::cancel(&own.stores, id, late).await;
        drop(permit);
        cancelled
    });
    let (status, record) = match cancelled.await {
        Ok(Cancelled::Before(record)) => (StatusCode::OK, record),
        Ok(Cancelled::Now(record)) => (StatusCode::ACCEPTED, record),
        Err(NotCancelled::Ended(status)) => return Err(ApiError::OrderAlreadyEnded(status)),
        Err(NotCancelled::NotFound) => return Err(ApiError::OrderNotFound),
        Err(NotCancelled::Failed(e)) => return Err(e.into()),
    };
    audit(&caller, &record, "order cancelled");
    Ok((status, Json(ListedOrder::of(&service, &record))))
}

/// Redrive a failed order
///
/// It becomes pending again, in a new generation, with all its attempts and its time anew. The log
/// gets a line of who did it.
#[utoipa::path(
    post,
    path = "/admin/orders/{id}/redrive",
    tag = "operations",
    operation_id = "redriveOrder",
    security(("caller" = []), ("console" = [])),
    params(OrderPath),
    responses((status = 202, description = "The order is pending", body = ListedOrder), FailedProblems)
)]
pub(crate) async fn redrive_order(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Extension(identity): Extension<Identity>,
    Extension(permit): Extension<RequestPermit>,
) -> Result<(StatusCode, Json<ListedOrder>), ApiError> {
    let (caller, record) = order_for(&service, &identity, Role::Operate, &id).await?;
    let (id, own) = (record.order.id, Arc::clone(&service));
    let redriven = service.background.run_to_completion(async move {
        let redriven = redrive::redrive(&own.stores, id).await;
        drop(permit);
        redriven
    });
    match redriven.await? {
        Redriven::Pending(_) => {}
        Redriven::NotFailed => return Err(ApiError::OrderNotFailed(now(&service, id).await?.state.status)),
        Redriven::Unknown => return Err(ApiError::OrderNotFound),
    }
    let record = now(&service, id).await?;
    audit(&caller, &record, "order redriven");
    Ok((StatusCode::ACCEPTED, Json(ListedOrder::of(&service, &record))))
}

/// Purge a failed order
///
/// It leaves the list of failed orders, and stays failed. The log gets a line of who did it.
#[utoipa::path(
    post,
    path = "/admin/orders/{id}/purge",
    tag = "operations",
    operation_id = "purgeOrder",
    security(("caller" = []), ("console" = [])),
    params(OrderPath),
    responses((status = 200, description = "The order is in no list", body = ListedOrder), FailedProblems)
)]
pub(crate) async fn purge_order(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<ListedOrder>, ApiError> {
    let (caller, record) = order_for(&service, &identity, Role::Operate, &id).await?;
    if record.state.status != Status::Failed {
        return Err(ApiError::OrderNotFailed(record.state.status));
    }
    service.stores.orders.forget_failed(record.order.id).await?;
    audit(&caller, &record, "order purged");
    Ok(Json(ListedOrder::of(&service, &record)))
}

/// The order as it is now.
async fn now(service: &Service, id: OrderId) -> Result<OrderRecord, ApiError> {
    let record: Result<_, Error> = service.stores.orders.get(id).await;
    record?.ok_or(ApiError::OrderNotFound)
}

/// The line of the log that says who did it.
fn audit(caller: &Caller, record: &OrderRecord, what: &'static str) {
    let (id, name, tenant) = (record.order.id, &caller.name, &caller.tenant);
    tracing::info!(
        target: "audit",
        { order.id = %id, order.tenant = %record.order.tenant, caller.name = name, caller.tenant = %tenant },
        "{what}"
    );
}
