//! The caller of a request, as its handler gets it.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::request::Parts,
    middleware::Next,
    response::Response,
};
use offload_domain::{
    caller::{Caller, Role},
    tenant::Tenant,
};

use super::refused::Refused;
use crate::{response::error::ApiError, service::Service};

/// What is known of a request's caller: kept with the request, so that credentials are checked
/// once.
#[derive(Debug, Clone)]
pub(crate) struct Identity(Arc<Result<Option<Caller>, Refused>>);

/// Finds out who sends a request. It refuses none: whether it needs a caller is known by its
/// handler.
pub(crate) async fn identify(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let found = service.callers.authenticate(&parts).await;
    if let Err(Refused::Store(e)) = &found {
        service.record_aws_error("an API key cannot be looked up", e);
    }
    parts.extensions.insert(Identity(Arc::new(found)));
    next.run(Request::from_parts(parts, body)).await
}

impl Identity {
    /// The identity that [`identify`] found.
    pub(crate) fn of(parts: &Parts) -> Self {
        // A route without that layer has no callers.
        parts.extensions.get().cloned().unwrap_or_else(|| Self(Arc::new(Ok(None))))
    }

    /// The caller, if the request has one.
    ///
    /// # Errors
    /// If its credentials are not valid, or cannot be checked.
    pub(crate) fn caller(&self) -> Result<Option<&Caller>, ApiError> {
        match &*self.0 {
            Ok(caller) => Ok(caller.as_ref()),
            Err(Refused::Invalid(why)) => Err(ApiError::CredentialsInvalid(why)),
            Err(Refused::Unavailable(why)) => Err(ApiError::CallersUnavailable(why)),
            Err(Refused::Store(_)) => Err(ApiError::CallersUnavailable("the table of API keys cannot be read")),
        }
    }

    /// The caller, who must have a role.
    ///
    /// # Errors
    /// If there is none, or it lacks the role.
    pub(crate) fn with_role(&self, role: Role) -> Result<&Caller, ApiError> {
        let caller = self.caller()?.ok_or(ApiError::CredentialsMissing)?;
        if caller.roles.allow(role) { Ok(caller) } else { Err(ApiError::RoleMissing(role)) }
    }

    /// On whose behalf the request may submit orders.
    ///
    /// # Errors
    /// If callers are known, and this one is not or may not.
    pub(crate) fn submitter(&self, service: &Service) -> Result<Tenant, ApiError> {
        if !service.callers.are_known() {
            return Ok(Tenant::default());
        }
        self.with_role(Role::Submit).map(|caller| caller.tenant.clone())
    }
}
