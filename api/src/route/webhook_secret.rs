//! `POST /webhooks/secret`: gives a caller the secret of its receiver.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use offload_domain::{caller::Role, problem::Violation, tenant::Tenant};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    caller::identity::Identity, request::query::OfQuery, response::error::ApiError, route::problems::problems,
    service::Service,
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct SecretQuery {
    url: String,
}

/// The secret of a receiver of webhooks.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReceiverSecret {
    /// The tenant whose orders it verifies.
    #[schema(value_type = String)]
    tenant: Tenant,
    /// whsec_ and base64. Several, while the operator's is being replaced: a message is signed by
    /// each.
    #[schema(format = Password)]
    secrets: Vec<String>,
}

problems!(
    Problems: InvalidOrder, InvalidQuery, CredentialsMissing, CredentialsInvalid, RoleMissing, CallersUnavailable, NotFound,
    Overloaded, TooManyRequests,
);

/// Get the secret of a receiver of webhooks
///
/// The secret by which an endpoint verifies the webhooks of the caller's tenant. The log gets a
/// line of who got it. Only where callers are known, and the api has the secret that signs
/// webhooks.
#[utoipa::path(
    post,
    path = "/webhooks/secret",
    tag = "operations",
    operation_id = "getWebhookSecret",
    security(("caller" = [])),
    params(("url" = String, Query, format = "uri", description = "The receiver's URL; its query does not matter")),
    responses((status = 200, description = "The secret", body = ReceiverSecret), Problems)
)]
pub(crate) async fn webhook_secret(
    State(service): State<Arc<Service>>,
    OfQuery(query): OfQuery<SecretQuery>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<ReceiverSecret>, ApiError> {
    // Without callers anybody would get the secret of everybody.
    let (true, Some(policy), Some(operators)) =
        (service.callers.are_known(), &service.settings.webhooks, &service.settings.webhook_secret)
    else {
        return Err(ApiError::NotFound);
    };
    let caller = identity.with_role(Role::Submit)?;
    let url = policy.check(&query.url).map_err(|why| {
        ApiError::InvalidOrder(vec![Violation { pointer: "/options/webhook_url".to_owned(), detail: why.to_string() }])
    })?;
    let (name, tenant, origin) = (&caller.name, &caller.tenant, url.origin().ascii_serialization());
    tracing::info!(
        target: "audit",
        { caller.name = name, caller.tenant = %tenant, receiver.origin = origin },
        "webhook secret given"
    );
    let secrets = operators.of_receiver(tenant, &url).texts().collect();
    Ok(Json(ReceiverSecret { tenant: tenant.clone(), secrets }))
}
