//! `GET /admin/doctor`: what is wrong with the service as it runs.

use std::sync::Arc;

use axum::{Extension, Json, extract::State};
use offload_domain::caller::Role;

use crate::{
    admin::doctor::{Diagnosis, Facts, diagnose},
    caller::identity::Identity,
    response::error::ApiError,
    route::problems::problems,
    service::Service,
};

problems!(
    Problems: CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite, CallersUnavailable, NotFound, Overloaded,
    TooManyRequests,
);

/// Examine the service
///
/// What is wrong with the service as it runs, the worst first, with what to do; which checks found
/// nothing; and which could not be made, as where the order table cannot be read. `offload doctor`
/// examines how a deployment is set up. Of the whole service, for the role `admin`. Only where
/// callers are known or the console is on.
#[utoipa::path(
    get,
    path = "/admin/doctor",
    tag = "operations",
    operation_id = "getDiagnosis",
    security(("caller" = []), ("console" = [])),
    responses((status = 200, description = "The findings", body = Diagnosis), Problems)
)]
pub(crate) async fn doctor(
    State(service): State<Arc<Service>>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<Diagnosis>, ApiError> {
    identity.operator(&service, Role::Admin)?;
    Ok(Json(diagnose(&Facts::gather(&service).await)))
}
