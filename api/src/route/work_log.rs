//! `GET /admin/orders/{id}/log`: what the work of an attempt has logged.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, State},
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use offload_domain::{caller::Role, fence::Fence};
use serde::Deserialize;

use super::deliveries::order_for;
use crate::{
    caller::identity::Identity,
    request::{order_path::OrderPath, query::OfQuery},
    response::error::ApiError,
    route::problems::problems,
    service::Service,
};

/// The attempt that an answer is about.
const ATTEMPT: HeaderName = HeaderName::from_static("offload-attempt");

/// The query.
#[derive(Debug, Deserialize)]
pub(crate) struct LogQuery {
    attempt: Option<String>,
}

problems!(
    Problems: InvalidOrderId, InvalidQuery, CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite, CallersUnavailable,
    OrderNotFound, NoLog, NotFound, StorageUnavailable, Overloaded, TooManyRequests,
);

/// Read the log of an order's work
///
/// What the program, the endpoint or the processor logged in one attempt: lines with their times,
/// the first and the last of them. It is there once the attempt has ended. For callers of the
/// order's tenant with the role `operate`. Only where callers are known.
#[utoipa::path(
    get,
    path = "/admin/orders/{id}/log",
    tag = "operations",
    operation_id = "readWorkLog",
    security(("caller" = [])),
    params(
        OrderPath,
        ("attempt" = Option<String>, Query, pattern = "^[1-9][0-9]{0,8}-[1-9][0-9]{0,8}$", description = "Generation and attempt, such as 1-2; the latest one with a log if it is left out"),
    ),
    responses(
        (status = 200, description = "The log", body = String, content_type = "text/plain", headers(
            ("Offload-Attempt" = String, description = "Generation and attempt"),
        )),
        Problems,
    )
)]
pub(crate) async fn work_log(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    OfQuery(query): OfQuery<LogQuery>,
    Extension(identity): Extension<Identity>,
) -> Result<Response, ApiError> {
    let (_, record) = order_for(&service, &identity, Role::Operate, &id).await?;
    let (id, objects) = (record.order.id, &service.stores.objects);
    let fence = match query.attempt {
        Some(attempt) => Some(attempt.parse::<Fence>().map_err(|_| ApiError::InvalidQuery)?),
        None => objects.latest_log(id, record.state.fence()).await?,
    };
    let fence = fence.ok_or(ApiError::NoLog)?;
    let text = objects.log(id, fence).await?.ok_or(ApiError::NoLog)?;
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(ATTEMPT, HeaderValue::try_from(fence.to_string()).map_err(|_| ApiError::NoLog)?);
    Ok(response)
}
