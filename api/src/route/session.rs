//! `/admin/session`: exchanges the console's key for a cookie.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension, Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use offload_domain::{
    caller::{Caller, Role},
    time::rfc3339_millis,
};
use offload_service::clock;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    caller::{
        console::{COOKIE, Known},
        identity::Identity,
    },
    request::{body, submission::is_json},
    response::error::ApiError,
    route::problems::problems,
    service::Service,
};

/// Marks requests that came by the operators' own listener, where clients of orders are not served.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OperatorsListener;

/// The largest body.
const BODY_MAX_BYTES: usize = 8 * 1024;
/// A session works so long.
const SESSION: Duration = Duration::from_secs(12 * 3_600);

/// The key of the console.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionRequest {
    #[schema(format = Password)]
    key: String,
}

/// Who the caller is to the console, and what the console talks to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Session {
    name: String,
    /// Whose orders it may see; null for all.
    tenant: Option<String>,
    #[schema(value_type = Vec<String>)]
    roles: Vec<Role>,
    by: SessionBy,
    /// When the session ends; null without one.
    #[serde(with = "rfc3339_millis::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<DateTime<Utc>>,
    service: SessionService,
}

/// By what the caller is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SessionBy {
    /// The console is open to everybody on this machine.
    Open,
    /// A session of the console's key.
    Cookie,
    /// Credentials of its own.
    Bearer,
}

/// What the console talks to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SessionService {
    version: &'static str,
    /// What operators call this deployment.
    environment: Option<String>,
    /// The URL of the api as clients reach it.
    api: String,
    /// The origin of status URLs.
    statuses: Option<String>,
    /// Whether orders can be subscribed to at the address of this answer.
    has_push: bool,
    /// Whether orders may name webhooks.
    has_webhooks: bool,
    /// Whether submitting an order needs other credentials than the caller's.
    orders_need_credentials: bool,
}

problems!(
    Problems: CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite, CallersUnavailable, NotFound, Overloaded,
    TooManyRequests,
);
problems!(
    OpenProblems: InvalidJson, UnsupportedMediaType, BodyTooLarge, BodyTimeout, BodyIncomplete, CredentialsInvalid,
    CrossSite, NotFound, Overloaded, TooManyRequests,
);

problems!(CloseProblems: CrossSite, NotFound, Overloaded, TooManyRequests);

/// Say who the caller is
///
/// Only where the console is on.
#[utoipa::path(
    get,
    path = "/admin/session",
    tag = "operations",
    operation_id = "getSession",
    security(("caller" = []), ("console" = [])),
    responses((status = 200, description = "The caller, and what the console talks to", body = Session), Problems)
)]
pub(crate) async fn get_session(
    State(service): State<Arc<Service>>,
    Extension(identity): Extension<Identity>,
    listener: Option<Extension<OperatorsListener>>,
) -> Result<Json<Session>, ApiError> {
    service.callers.console().ok_or(ApiError::NotFound)?;
    let caller = identity.operator(&service, Role::View)?;
    Ok(Json(session(&service, caller, identity.by_console(), listener.is_none()).await))
}

/// Open the console
///
/// Exchanges its key for a cookie, which works for twelve hours. Only where the console is on and
/// has a key.
#[utoipa::path(
    post,
    path = "/admin/session",
    tag = "operations",
    operation_id = "openSession",
    request_body(content = SessionRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "The console is open", body = Session, headers(
            ("Set-Cookie" = String, description = "The session: HttpOnly, SameSite=Strict"),
        )),
        OpenProblems,
    )
)]
pub(crate) async fn open_session(
    State(service): State<Arc<Service>>,
    listener: Option<Extension<OperatorsListener>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let console = service.callers.console().ok_or(ApiError::NotFound)?;
    let keys = console.keys().ok_or(ApiError::NotFound)?;
    if !console.is_own_page(&headers) {
        return Err(ApiError::CrossSite);
    }
    if !is_json(&headers) {
        return Err(ApiError::UnsupportedMediaType);
    }
    let read = body::read(BODY_MAX_BYTES, &service.bodies, &headers, body).await?;
    // The place alone: the parser's own words could quote the key.
    let request: SessionRequest = serde_json::from_slice(&read.bytes)
        .map_err(|e| ApiError::InvalidJson(format!("at line {}, column {}", e.line(), e.column())))?;
    if !keys.admit(&request.key) {
        tracing::warn!(target: "audit", "a wrong key was sent to the console");
        return Err(ApiError::CredentialsInvalid("this is not the console's key"));
    }
    let until = clock::now() + SESSION;
    let cookie = set_cookie(&service, &keys.session(until), SESSION.as_secs());
    tracing::info!(target: "audit", "a session of the console was opened");
    let operator = crate::caller::console::Console::operator();
    let body = Json(session(&service, &operator, Some(Known::Session(until)), listener.is_none()).await);
    Ok(([(header::SET_COOKIE, cookie)], body).into_response())
}

/// Close the console
///
/// Removes the cookie.
#[utoipa::path(
    delete,
    path = "/admin/session",
    tag = "operations",
    operation_id = "closeSession",
    responses((status = 204, description = "The cookie is removed"), CloseProblems)
)]
pub(crate) async fn close_session(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let console = service.callers.console().ok_or(ApiError::NotFound)?;
    if !console.is_own_page(&headers) {
        return Err(ApiError::CrossSite);
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, set_cookie(&service, "", 0))]).into_response())
}

fn set_cookie(service: &Service, value: &str, max_age: u64) -> HeaderValue {
    let secure = if service.public.is_https() { "; Secure" } else { "" };
    let cookie = format!("{COOKIE}={value}; HttpOnly; SameSite=Strict; Path=/; Max-Age={max_age}{secure}");
    HeaderValue::try_from(cookie).unwrap_or_else(|_| HeaderValue::from_static(""))
}

async fn session(service: &Service, caller: &Caller, known: Option<Known>, serves_clients: bool) -> Session {
    let all = caller.roles.allow(Role::Admin);
    Session {
        name: caller.name.clone(),
        tenant: (!all).then(|| caller.tenant.to_string()),
        roles: Role::ALL.into_iter().filter(|role| caller.roles.allow(*role)).collect(),
        by: match known {
            Some(Known::Open) => SessionBy::Open,
            Some(Known::Session(_)) => SessionBy::Cookie,
            Some(Known::Key) | None => SessionBy::Bearer,
        },
        expires_at: match known {
            Some(Known::Session(until)) => Some(until),
            _ => None,
        },
        service: SessionService {
            version: env!("CARGO_PKG_VERSION"),
            environment: service.settings.console.environment.clone(),
            api: service.public.base().to_owned(),
            statuses: service.status_origin().await,
            has_push: serves_clients && service.connections.is_some(),
            has_webhooks: service.settings.webhooks.is_some(),
            orders_need_credentials: service.callers.are_known() && !caller.roles.allow(Role::Submit),
        },
    }
}
