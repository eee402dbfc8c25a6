//! `GET /order/{id}`: the order's status, with fresh URLs.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};

use crate::{
    edge::limit_concurrency::Place,
    long_poll::{Held, hold},
    request::authorized::Authorized,
    request::prefer::{PREFERENCE_APPLIED, Wait},
    response::error::ApiError,
    response::status_view::StatusView,
    route::problems::problems,
    service::Service,
};

problems!(Problems: InvalidOrderId, InvalidPrefer, TokenMissing, TokenInvalid, OrderNotFound, StorageUnavailable, Overloaded);

/// Show an order
///
/// Meant for renewing URLs and for clients that cannot reach S3: who polls, polls `status_url`. With `Prefer: wait=N`
/// the request is held until the order changes.
#[utoipa::path(
    get,
    path = "/order/{id}",
    tag = "orders",
    operation_id = "showOrder",
    security(("order_token" = []), ("order_token_in_query" = [])),
    params(
        ("id" = String, Path, format = "uuid", description = "The order"),
        ("Prefer" = Option<String>, Header, description = "wait=N: hold the request for up to N seconds (60 at most) until the order changes or has ended"),
    ),
    responses(
        (status = 200, description = "The order", body = StatusView, headers(
            ("Preference-Applied" = Option<String>, description = "wait=N, if the preference was applied"),
        )),
        Problems,
    )
)]
pub(crate) async fn show_order(
    State(service): State<Arc<Service>>,
    Authorized(id): Authorized,
    Extension(place): Extension<Place>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let wait = Wait::of(&headers)?;
    let record = service.stores.orders.get(id).await?.ok_or(ApiError::OrderNotFound)?;
    let Held { record, applied } = match wait {
        Some(wait) => {
            let seen = record.state.revision;
            hold(&service, &place, record, wait, |revision, done| revision != seen || done).await?
        }
        None => Held { record, applied: None },
    };
    let mut response = Json(StatusView::of(&service, &record).await?).into_response();
    if let Some(wait) = applied {
        response.headers_mut().insert(PREFERENCE_APPLIED, wait.applied());
    }
    Ok(response)
}
