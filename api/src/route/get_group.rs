//! `GET /group/{id}`: the state of a group, with a fresh URL.

use std::sync::Arc;

use axum::{Json, extract::State};

use crate::{
    request::{authorized::Authorized, order_path::OrderPath},
    response::{error::ApiError, group_view::GroupView},
    route::problems::problems,
    service::Service,
};

problems!(
    Problems: InvalidOrderId, InvalidQuery, TokenMissing, TokenInvalid, TokenExpired, CredentialsInvalid, RoleMissing,
    CallersUnavailable, OrderNotFound, StorageUnavailable, Overloaded, TooManyRequests,
);

/// Get a group
///
/// The orders that a batch gave, as counts. Meant for renewing the URL and for clients that cannot
/// reach S3; to poll, use `status_url`.
#[utoipa::path(
    get,
    path = "/group/{id}",
    tag = "orders",
    operation_id = "getGroup",
    security(("order_token" = []), ("order_token_in_header" = []), ("order_token_in_query" = []), ("caller" = [])),
    params(OrderPath),
    responses((status = 200, description = "The group", body = GroupView), Problems)
)]
pub(crate) async fn get_group(
    State(service): State<Arc<Service>>,
    authorized: Authorized,
) -> Result<Json<GroupView>, ApiError> {
    let group = authorized.group(&service).await?;
    Ok(Json(GroupView::of(&service, &group).await?))
}
