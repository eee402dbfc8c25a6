//! `GET /admin/deliveries/{id}` and `POST` to it: what became of an order's webhook, and its
//! replay.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
};
use offload_domain::{
    caller::{Caller, Role},
    id::OrderId,
    lifetime,
    order::OrderRecord,
};
use offload_lifecycle::replay::{self, Replayed};
use offload_service::clock;
use offload_stores::DeliveryLog;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    caller::identity::Identity, request::order_path::OrderPath, response::error::ApiError, route::problems::problems,
    service::Service,
};

/// The deliveries of an order's events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderDeliveries {
    #[schema(value_type = String, format = "uuid")]
    order: OrderId,
    /// Those of the last events, the newest first.
    deliveries: Vec<DeliveryLog>,
}

/// An event that is sent again.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ReplayedEvent {
    #[schema(value_type = String, format = "uuid")]
    order: OrderId,
    /// The event's revision.
    revision: u64,
}

problems!(
    Problems: InvalidOrderId, CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite, CallersUnavailable, OrderNotFound,
    NoWebhook, NotFound, StorageUnavailable, Overloaded, TooManyRequests,
);

/// List the deliveries of an order
///
/// What became of the last events of an order of the caller's tenant at its webhook, with every
/// attempt. Only where callers are known.
#[utoipa::path(
    get,
    path = "/admin/deliveries/{id}",
    tag = "operations",
    operation_id = "listDeliveries",
    security(("caller" = [])),
    params(OrderPath),
    responses((status = 200, description = "The deliveries", body = OrderDeliveries), Problems)
)]
pub(crate) async fn list_deliveries(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<OrderDeliveries>, ApiError> {
    let (_, record) = order_for(&service, &identity, Role::View, &id).await?;
    let order = record.order.id;
    Ok(Json(OrderDeliveries { order, deliveries: service.stores.orders.deliveries(order).await? }))
}

/// Send an order's last event again
///
/// To the webhook of an order of the caller's tenant, with the same id, a new time and a new
/// signature. The log gets a line of who asked for it. Only where callers are known.
#[utoipa::path(
    post,
    path = "/admin/deliveries/{id}",
    tag = "operations",
    operation_id = "replayDelivery",
    security(("caller" = [])),
    params(OrderPath),
    responses((status = 200, description = "The event is on its way", body = ReplayedEvent), Problems)
)]
pub(crate) async fn replay_delivery(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<ReplayedEvent>, ApiError> {
    let (caller, record) = order_for(&service, &identity, Role::Operate, &id).await?;
    let (order, now) = (record.order.id, clock::now());
    let ttl = lifetime::status_url_ttl(record.state.eta.as_ref(), now, &service.settings.status_url_ttl);
    let Replayed::Sent(revision) = replay::replay(&service.stores, &record, ttl, now).await? else {
        return Err(ApiError::NoWebhook);
    };
    let (name, tenant) = (&caller.name, &caller.tenant);
    tracing::info!(
        target: "audit",
        { order.id = %order, revision, order.tenant = %record.order.tenant, caller.name = name, caller.tenant = %tenant },
        "event replayed"
    );
    Ok(Json(ReplayedEvent { order, revision }))
}

/// The order, for a caller of its tenant with a role, or an administrator.
pub(super) async fn order_for(
    service: &Service,
    identity: &Identity,
    role: Role,
    id: &str,
) -> Result<(Caller, OrderRecord), ApiError> {
    let caller = identity.operator(service, role)?.clone();
    let id: OrderId = id.parse().map_err(|_| ApiError::InvalidOrderId)?;
    let record = service.stores.orders.get(id).await?;
    let is_its = |record: &OrderRecord| record.order.tenant == caller.tenant || caller.roles.allow(Role::Admin);
    let record = record.filter(is_its).ok_or(ApiError::OrderNotFound)?;
    Ok((caller, record))
}
