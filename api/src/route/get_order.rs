//! `GET /order/{id}`: the order's status, with fresh URLs.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};

use offload_service::clock;

use crate::{
    edge::limit_concurrency::RequestPermit,
    long_poll::{LongPolled, long_poll},
    request::authorized::Authorized,
    request::order_path::OrderPath,
    request::prefer::{PREFERENCE_APPLIED, Wait},
    response::error::ApiError,
    response::status_view::StatusView,
    route::problems::problems,
    service::Service,
};

problems!(
    Problems: InvalidOrderId, InvalidQuery, InvalidPrefer, TokenMissing, TokenInvalid, TokenExpired, CredentialsInvalid, RoleMissing,
    CallersUnavailable, OrderNotFound, StorageUnavailable, Overloaded, TooManyRequests,
);

/// Get an order
///
/// Meant for renewing URLs and for clients that cannot reach S3; to poll, use `status_url`. With
/// `Prefer: wait=N` the request is a long poll: it is answered when the order changes.
#[utoipa::path(
    get,
    path = "/order/{id}",
    tag = "orders",
    operation_id = "getOrder",
    security(("order_token" = []), ("order_token_in_header" = []), ("order_token_in_query" = []), ("caller" = [])),
    params(
        OrderPath,
        ("Prefer" = Option<String>, Header, description = "wait=N: a long poll of up to N seconds (60 at most), answered when the order changes or has ended"),
    ),
    responses(
        (status = 200, description = "The order", body = StatusView, headers(
            ("Preference-Applied" = Option<String>, description = "wait=N, if the preference was applied"),
        )),
        Problems,
    )
)]
pub(crate) async fn get_order(
    State(service): State<Arc<Service>>,
    authorized: Authorized,
    Extension(permit): Extension<RequestPermit>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let wait = Wait::of(&headers)?;
    let record = authorized.read(&service).await?;
    service.admin.count_read(clock::now());
    let LongPolled { record, applied } = match wait {
        Some(wait) => {
            let seen = record.state.revision;
            long_poll(&service, &permit, record, wait, |revision, done| revision != seen || done).await?
        }
        None => LongPolled { record, applied: None },
    };
    let mut response = Json(StatusView::of(&service, &record).await?).into_response();
    if let Some(wait) = applied {
        response.headers_mut().insert(PREFERENCE_APPLIED, wait.applied());
    }
    Ok(response)
}
