//! Who may do what with an order: who has its token, and callers of its tenant.
//!
//! A token is checked before any lookup, so that a client without one cannot learn which orders
//! exist. To a caller of another tenant an order is one that does not exist.

use std::sync::Arc;

use axum::{
    extract::{FromRequestParts, Path},
    http::{HeaderMap, HeaderName, request::Parts},
};
use offload_domain::{
    caller::{Caller, Role},
    group::Group,
    id::OrderId,
    order::OrderRecord,
    token::{Access, OpenedToken, TokenError, TokenKeys, is_order_token},
};
use offload_service::clock;
use serde::Deserialize;

use crate::{
    caller::{bearer, identity::Identity},
    request::query,
    response::error::ApiError,
    service::Service,
};

/// The header of an order's token, for requests whose `Authorization` is the caller's.
pub(crate) const OFFLOAD_TOKEN: HeaderName = HeaderName::from_static("offload-token");

/// The order of the path, and who asks for it. The id is given away only to those who may.
#[derive(Debug)]
pub(crate) struct Authorized {
    id: OrderId,
    token: Option<Access>,
    caller: Option<Caller>,
}

/// For browser APIs that cannot set headers. Such a URL is a secret: the service logs no query.
#[derive(Default, Deserialize)]
struct TokenQuery {
    token: Option<String>,
}

impl FromRequestParts<Arc<Service>> for Authorized {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, service: &Arc<Service>) -> Result<Self, ApiError> {
        let Ok(Path(id)) = Path::<String>::from_request_parts(parts, service).await else {
            return Err(ApiError::InvalidOrderId);
        };
        let id: OrderId = id.parse().map_err(|_| ApiError::InvalidOrderId)?;
        let query: TokenQuery = query::read(&parts.uri)?;
        let opened = match open_any(&service.settings.token_keys, &parts.headers, query.token.as_deref()) {
            Some(Ok(opened)) if opened.order != id => Some(Err(ApiError::TokenInvalid)),
            other => other,
        };
        let identity = Identity::of(parts);
        match (opened, identity.caller()) {
            // Whatever credentials there are beside it, a valid token is one.
            (Some(Ok(opened)), caller) => {
                Ok(Self { id, token: Some(opened.access), caller: caller.unwrap_or_default().cloned() })
            }
            (_, Ok(Some(caller))) => Ok(Self { id, token: None, caller: Some(caller.clone()) }),
            (Some(Err(refused)), _) | (None, Err(refused)) => Err(refused),
            (None, Ok(None)) => Err(ApiError::TokenMissing),
        }
    }
}

impl Authorized {
    /// The order, for one who may read it.
    ///
    /// # Errors
    /// If they may not, or there is no such order for them.
    pub(crate) async fn read(&self, service: &Service) -> Result<OrderRecord, ApiError> {
        match self.token {
            Some(_) => service.stores.orders.get(self.id).await?.ok_or(ApiError::OrderNotFound),
            None => self.own(Role::View, service).await,
        }
    }

    /// The group of the path, for one who may read it.
    ///
    /// # Errors
    /// If they may not, or there is no such group for them.
    pub(crate) async fn group(&self, service: &Service) -> Result<Group, ApiError> {
        let tenant = match (self.token, &self.caller) {
            (Some(_), _) => None,
            (None, Some(caller)) if caller.roles.allow(Role::View) => Some(&caller.tenant),
            (None, Some(_)) => return Err(ApiError::RoleMissing(Role::View)),
            (None, None) => return Err(ApiError::TokenMissing),
        };
        let group = service.stores.orders.group(self.id).await?;
        group.filter(|group| tenant.is_none_or(|tenant| *tenant == group.tenant)).ok_or(ApiError::OrderNotFound)
    }

    /// The order's id, for one who may subscribe to it, and with `cancels` have it cancelled.
    ///
    /// # Errors
    /// If they may not, or there is no such order for them.
    pub(crate) async fn subscribe(&self, service: &Service, cancels: bool) -> Result<OrderId, ApiError> {
        if cancels {
            self.cancel(service).await?;
        }
        if self.token.is_none() {
            self.own(Role::View, service).await?;
        }
        Ok(self.id)
    }

    /// The order's id, for one who may cancel it.
    ///
    /// # Errors
    /// If they may not, or there is no such order for them.
    pub(crate) async fn cancel(&self, service: &Service) -> Result<OrderId, ApiError> {
        if self.token != Some(Access::Full) {
            self.own(Role::Submit, service).await.map_err(|e| match (self.token, e) {
                (Some(_), ApiError::TokenMissing | ApiError::RoleMissing(_) | ApiError::OrderNotFound) => {
                    ApiError::TokenReadOnly
                }
                (_, e) => e,
            })?;
        }
        Ok(self.id)
    }

    /// The order, if it is of the caller's tenant, and the caller has the role.
    async fn own(&self, role: Role, service: &Service) -> Result<OrderRecord, ApiError> {
        let caller = self.caller.as_ref().ok_or(ApiError::TokenMissing)?;
        if !caller.roles.allow(role) {
            return Err(ApiError::RoleMissing(role));
        }
        let record = service.stores.orders.get(self.id).await?;
        record.filter(|record| record.order.tenant == caller.tenant).ok_or(ApiError::OrderNotFound)
    }
}

/// Opens the first valid token of a request: of `Offload-Token`, of the query, or of
/// `Authorization`, where it counts only if it has the form of one. `None` if there is no token.
pub(crate) fn open_any(
    keys: &TokenKeys,
    headers: &HeaderMap,
    query: Option<&str>,
) -> Option<Result<OpenedToken, ApiError>> {
    let header = headers.get(OFFLOAD_TOKEN).map(|value| value.to_str().unwrap_or_default().trim());
    let bearer = bearer(headers).filter(|text| is_order_token(text));
    let now = clock::now();
    let mut refused = None;
    for token in [header, query, bearer].into_iter().flatten() {
        match keys.open(token, now) {
            Ok(opened) => return Some(Ok(opened)),
            Err(TokenError::Expired) => refused = Some(ApiError::TokenExpired),
            Err(TokenError::Invalid) => refused = refused.or(Some(ApiError::TokenInvalid)),
        }
    }
    refused.map(Err)
}
