//! `DELETE /admin/orders/{id}?erase=true`: erases an order.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
};
use offload_domain::{caller::Role, id::OrderId};
use offload_lifecycle::erase::{self, NotErased};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    caller::identity::Identity,
    edge::limit_concurrency::RequestPermit,
    request::{
        order_path::OrderPath,
        query::{OfQuery, wish},
    },
    response::error::ApiError,
    route::problems::problems,
    service::Service,
};

/// The only value that erases.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "the query is read by `wish`; this is its description")]
enum EraseWish {
    True,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct EraseQuery {
    #[serde(deserialize_with = "wish")]
    erase: bool,
}

/// What was erased.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErasedOrder {
    #[schema(value_type = String, format = "uuid")]
    id: OrderId,
    /// Rows that were deleted beside the order's own.
    rows: usize,
    /// Objects that were deleted, those that may have been there included.
    objects: usize,
}

problems!(
    Problems: InvalidOrderId, InvalidQuery, EraseNotAskedFor, CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite,
    CallersUnavailable, OrderNotFound, NotFound, StorageUnavailable, Overloaded, TooManyRequests,
);

/// Erase an order
///
/// Its row, its idempotency key, its status object, the results of all attempts, its deliveries and
/// its subscriptions are deleted, whatever its state; work on it is stopped. Its tokens and its
/// URLs open nothing any more. The log gets a line of who did it. Only where callers are known.
#[utoipa::path(
    delete,
    path = "/admin/orders/{id}",
    tag = "operations",
    operation_id = "eraseOrder",
    security(("caller" = [])),
    params(
        OrderPath,
        ("erase" = inline(EraseWish), Query, description = "true: there is no way back"),
    ),
    responses((status = 200, description = "Nothing is left of the order", body = ErasedOrder), Problems)
)]
pub(crate) async fn erase_order(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    OfQuery(query): OfQuery<EraseQuery>,
    Extension(identity): Extension<Identity>,
    Extension(permit): Extension<RequestPermit>,
) -> Result<Json<ErasedOrder>, ApiError> {
    let caller = identity.operator(&service, Role::Admin)?.clone();
    let id: OrderId = id.parse().map_err(|_| ApiError::InvalidOrderId)?;
    if !query.erase {
        return Err(ApiError::EraseNotAskedFor);
    }
    let own = Arc::clone(&service);
    let erased = service.background.run_to_completion(async move {
        let erased = erase::erase(&own.stores, id).await;
        drop(permit);
        erased
    });
    let erased = erased.await.map_err(|refused| match refused {
        NotErased::NotFound => ApiError::OrderNotFound,
        NotErased::Failed(e) => e.into(),
    })?;
    let (name, tenant, rows, objects) = (&caller.name, &caller.tenant, erased.rows, erased.objects);
    tracing::info!(
        target: "audit",
        {
            order.id = %id, order.tenant = %erased.tenant, caller.name = name, caller.tenant = %tenant, rows, objects
        },
        "order erased"
    );
    Ok(Json(ErasedOrder { id, rows: erased.rows, objects: erased.objects }))
}
