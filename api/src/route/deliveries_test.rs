//! `POST /admin/deliveries/test`: sends a test event to a receiver of webhooks, and `GET` below it:
//! what came of it.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
};
use offload_domain::{caller::Role, event::TEST_REVISION, id::OrderId, tenant::Tenant};
use offload_lifecycle::trial;
use offload_service::clock;
use offload_stores::DeliveryLog;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    caller::identity::Identity,
    request::{order_path::OrderPath, query::OfQuery},
    response::error::ApiError,
    route::problems::problems,
    service::Service,
};

/// The longest URL, in characters: as of an order.
const URL_MAX: usize = 2_048;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct TestQuery {
    url: String,
    tenant: Option<Tenant>,
}

/// A test event.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestEvent {
    /// Its id, under which what came of it can be read.
    #[schema(value_type = String, format = "uuid")]
    id: OrderId,
    /// What came of it; null until a worker has tried.
    delivery: Option<DeliveryLog>,
}

problems!(
    SendProblems: InvalidQuery, CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite, CallersUnavailable, NoWebhook,
    NotFound, StorageUnavailable, Overloaded, TooManyRequests,
);
problems!(
    Problems: InvalidOrderId, CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite, CallersUnavailable,
    NotFound, StorageUnavailable, Overloaded, TooManyRequests,
);

/// Send a test event
///
/// To a receiver of webhooks, by the way of every webhook: signed for the caller's tenant, only to
/// where webhooks may go, and by a worker; but once. Its `type` is
/// `dev.status-offload.webhook.test`, and it is of no order. For the role `operate`; another tenant
/// needs `admin`. The log gets a line of who asked for it. Only where callers are known or the
/// console is on.
#[utoipa::path(
    post,
    path = "/admin/deliveries/test",
    tag = "operations",
    operation_id = "sendTestEvent",
    security(("caller" = []), ("console" = [])),
    params(
        ("url" = String, Query, format = "uri", max_length = 2048, description = "The receiver's URL"),
        ("tenant" = Option<String>, Query, pattern = "^[A-Za-z0-9._-]{1,64}$", description = "For whose orders it is signed; the caller's tenant if it is left out"),
    ),
    responses((status = 202, description = "The event is on its way", body = TestEvent), SendProblems)
)]
pub(crate) async fn send_test(
    State(service): State<Arc<Service>>,
    OfQuery(query): OfQuery<TestQuery>,
    Extension(identity): Extension<Identity>,
) -> Result<(StatusCode, Json<TestEvent>), ApiError> {
    let caller = identity.operator(&service, Role::Operate)?;
    let tenant = query.tenant.unwrap_or_else(|| caller.tenant.clone());
    if tenant != caller.tenant && !caller.roles.allow(Role::Admin) {
        return Err(ApiError::RoleMissing(Role::Admin));
    }
    let Some(policy) = &service.settings.webhooks else { return Err(ApiError::NoWebhook) };
    let wrong = |why: String| ApiError::InvalidQueryMember(format!("url: {why}"));
    if query.url.len() > URL_MAX {
        return Err(wrong(format!("it is longer than {URL_MAX} bytes")));
    }
    let url = policy.check(&query.url).map_err(|why| wrong(why.to_string()))?;
    let (now, origin) = (clock::now(), url.origin().ascii_serialization());
    let id = OrderId::new(now);
    if !trial::try_webhook(&service.stores, &tenant, query.url, (id, service.public.order(id)), now).await? {
        return Err(ApiError::NoWebhook);
    }
    tracing::info!(
        target: "audit",
        { test.id = %id, test.tenant = %tenant, receiver.origin = origin, caller.name = caller.name, caller.tenant = %caller.tenant },
        "test event sent"
    );
    Ok((StatusCode::ACCEPTED, Json(TestEvent { id, delivery: None })))
}

/// Get what came of a test event
///
/// For the role `operate`. `delivery` is null until a worker has tried, and for an id that no test
/// event of the caller's tenant has; for the role `admin` it may be of any tenant. Only where
/// callers are known or the console is on.
#[utoipa::path(
    get,
    path = "/admin/deliveries/test/{id}",
    tag = "operations",
    operation_id = "getTestEvent",
    security(("caller" = []), ("console" = [])),
    params(OrderPath),
    responses((status = 200, description = "The event", body = TestEvent), Problems)
)]
pub(crate) async fn get_test(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<TestEvent>, ApiError> {
    let caller = identity.operator(&service, Role::Operate)?;
    let id: OrderId = id.parse().map_err(|_| ApiError::InvalidOrderId)?;
    let deliveries = service.stores.orders.deliveries(id).await?;
    let is_its = |log: &DeliveryLog| log.tenant == caller.tenant || caller.roles.allow(Role::Admin);
    // Those of an order have other revisions.
    let delivery = deliveries.into_iter().find(|log| log.revision == TEST_REVISION && is_its(log));
    Ok(Json(TestEvent { id, delivery }))
}
