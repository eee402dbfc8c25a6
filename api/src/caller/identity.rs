//! The caller of a request, as its handler gets it.

use std::sync::Arc;

use axum::{extract::Request, http::request::Parts, response::Response};
use offload_domain::{
    caller::{Caller, Role},
    tenant::Tenant,
};

use super::{Authenticated, console::Known, refused::Refused};
use crate::{response::error::ApiError, service::Service};

/// What is known of a request's caller: kept with the request, so that credentials are checked
/// once.
#[derive(Debug, Clone)]
pub(crate) struct Identity(Arc<Result<Authenticated, Refused>>);

/// Finds out who sends a request. It refuses none: whether it needs a caller is known by its
/// handler.
pub(crate) async fn identify(
    service: &Service,
    request: Request,
    next: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let found = service.callers.authenticate(&parts).await;
    if let Err(Refused::Store(e)) = &found {
        service.record_aws_error("an API key cannot be looked up", e);
    }
    parts.extensions.insert(Identity(Arc::new(found)));
    next(Request::from_parts(parts, body)).await
}

impl Identity {
    /// The identity that [`identify`] found.
    pub(crate) fn of(parts: &Parts) -> Self {
        // A route without that layer has no callers.
        parts.extensions.get().cloned().unwrap_or_else(|| Self(Arc::new(Ok(Authenticated::default()))))
    }

    /// The caller, if the request has one.
    ///
    /// # Errors
    /// If its credentials are not valid, or cannot be checked.
    pub(crate) fn caller(&self) -> Result<Option<&Caller>, ApiError> {
        match &*self.0 {
            Ok(found) => Ok(found.caller.as_ref()),
            Err(Refused::CrossSite) => Err(ApiError::CrossSite),
            Err(Refused::Invalid(why)) => Err(ApiError::CredentialsInvalid(why)),
            Err(Refused::Unavailable(why)) => Err(ApiError::CallersUnavailable(why)),
            Err(Refused::Store(_)) => Err(ApiError::CallersUnavailable("the table of API keys cannot be read")),
        }
    }

    /// How an operator is known, if it is by the console.
    pub(crate) fn by_console(&self) -> Option<Known> {
        (*self.0).as_ref().ok()?.console
    }

    /// The caller of an operators' route, who must have a role.
    ///
    /// # Errors
    /// If nobody can have one here, or as [`Self::with_role`].
    pub(crate) fn operator(&self, service: &Service, role: Role) -> Result<&Caller, ApiError> {
        if service.callers.have_roles() { self.with_role(role) } else { Err(ApiError::NotFound) }
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
