//! `/admin/actions`: bulk work as a resource.

use std::sync::Arc;

use axum::{
    Extension, Json,
    body::Body,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use offload_domain::{
    action::{Action, ActionState, ActionVerb, COUNT_UNSTATED_MAX, NoSelection, RATE, RATE_MAX, select},
    caller::{Caller, Role},
    id::OrderId,
    whole_number,
};
use offload_lifecycle::act::{self, LEASE, Preview};
use offload_service::clock;
use offload_stores::StoredAction;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::list_orders::of_caller;
use crate::{
    admin::runner,
    caller::identity::Identity,
    edge::limit_concurrency::RequestPermit,
    request::{body, submission::is_json},
    response::{error::ApiError, listed_order::ListedOrder},
    route::problems::problems,
    service::Service,
};

/// The largest body.
const BODY_MAX_BYTES: usize = 8 * 1024;
/// What is repeated of a body that is not valid.
const DETAIL_MAX_CHARS: usize = 200;
/// Actions of a list.
const LISTED_MAX: i32 = 50;

/// What is to be done with which orders.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionRequest {
    verb: ActionVerb,
    /// Which orders, in the filter language, such as state:dead kind:report.
    #[schema(min_length = 1, max_length = 1000)]
    filter: String,
    /// Only say what would be done.
    #[serde(default)]
    dry_run: bool,
    /// How many orders it is, as a dry run said: needed over 100.
    #[serde(default, deserialize_with = "whole_number::optional")]
    #[schema(format = Int64, maximum = 4_294_967_295_u32)]
    count: Option<u32>,
    /// Orders a second at most; 20 if it is left out.
    #[serde(default, deserialize_with = "whole_number::optional")]
    #[schema(minimum = 1, maximum = 200)]
    rate: Option<u32>,
}

/// What an action would do.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActionPreview {
    verb: ActionVerb,
    filter: String,
    /// So many orders.
    count: usize,
    /// Whether all were searched. If not, those behind the searched ones are left alone.
    complete: bool,
    /// Entries of the index that were searched.
    searched: usize,
    /// Five of the orders.
    examples: Vec<ListedOrder>,
}

/// Bulk actions, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActionList {
    actions: Vec<Action>,
}

/// The action in the path.
#[derive(IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct ActionPath {
    /// The action: a UUID of version 7
    #[param(
        format = "uuid",
        pattern = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$"
    )]
    #[expect(dead_code, reason = "the routes read it as text; this is its description")]
    id: String,
}

problems!(
    StartProblems: InvalidJson, InvalidFilter, UnsupportedMediaType, BodyTooLarge, BodyTimeout, BodyIncomplete,
    InvalidAction, ActionCountDiffers, NoActions, CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite,
    CallersUnavailable, NotFound, StorageUnavailable, Overloaded, TooManyRequests,
);
problems!(
    Problems: CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite, CallersUnavailable, ActionNotFound,
    NotFound, StorageUnavailable, Overloaded, TooManyRequests,
);

/// Act on many orders
///
/// Redrives, purges or cancels the orders of a filter, one by one, in the background: those that
/// match it now. One that changes meanwhile is skipped. A dry run only says what would be done. It
/// goes on when this server ends. The log gets a line of who did it. A function only does dry runs.
#[utoipa::path(
    post,
    path = "/admin/actions",
    tag = "operations",
    operation_id = "startAction",
    security(("caller" = []), ("console" = [])),
    request_body(content = ActionRequest, content_type = "application/json"),
    responses(
        (status = 200, description = "What would be done", body = ActionPreview),
        (status = 202, description = "The action has begun", body = Action, headers(
            ("Location" = String, description = "The action"),
        )),
        StartProblems,
    )
)]
pub(crate) async fn start_action(
    State(service): State<Arc<Service>>,
    Extension(identity): Extension<Identity>,
    Extension(permit): Extension<RequestPermit>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let caller = identity.operator(&service, Role::Operate)?.clone();
    if !is_json(&headers) {
        return Err(ApiError::UnsupportedMediaType);
    }
    let read = body::read(BODY_MAX_BYTES, &service.bodies, &headers, body).await?;
    let request: ActionRequest = serde_json::from_slice(&read.bytes).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => {
            ApiError::InvalidAction(e.to_string().chars().take(DETAIL_MAX_CHARS).collect())
        }
        _ => ApiError::InvalidJson(format!("at line {}, column {}", e.line(), e.column())),
    })?;
    // A function ends with its answer, and nothing else would run what it began.
    if !request.dry_run && !service.allows_long_polls {
        return Err(ApiError::NoActions);
    }
    let own = Arc::clone(&service);
    // To its end: an action that is stored must have a runner.
    let made = service.background.run_to_completion(async move {
        let made = make(&own, &caller, request).await;
        drop((permit, read.reserved));
        made
    });
    made.await
}

async fn make(service: &Arc<Service>, caller: &Caller, request: ActionRequest) -> Result<Response, ApiError> {
    let ActionRequest { verb, filter, dry_run, count, rate } = request;
    let tenant = of_caller(caller, None)?;
    let now = clock::now();
    let query = select(verb, &filter, tenant.as_ref(), now).map_err(|e| match e {
        NoSelection::Filter(e) => e.into(),
        other => ApiError::InvalidAction(other.to_string()),
    })?;
    let rate = rate.unwrap_or(RATE);
    if !(1..=RATE_MAX).contains(&rate) {
        return Err(ApiError::InvalidAction(format!("the rate is 1 to {RATE_MAX} orders a second")));
    }
    let Preview { orders, complete, searched, examples } = act::preview(&service.stores, &query, verb, now).await?;
    if dry_run {
        let examples = examples.iter().map(|record| ListedOrder::of(service, record)).collect();
        let count = orders.len();
        return Ok(Json(ActionPreview { verb, filter, count, complete, searched, examples }).into_response());
    }
    if orders.is_empty() {
        return Err(ApiError::InvalidAction(format!("no order matches {filter}")));
    }
    let count = count.map(|count| count as usize);
    if count.is_none_or(|stated| stated != orders.len()) && (count.is_some() || orders.len() > COUNT_UNSTATED_MAX) {
        return Err(ApiError::ActionCountDiffers(count, orders.len()));
    }
    let action = Action {
        id: OrderId::new(now),
        verb,
        filter,
        tenant,
        state: ActionState::Running,
        by: caller.name.clone(),
        created_at: now,
        updated_at: now,
        finished_at: None,
        count: orders.len(),
        done: 0,
        failed: 0,
        skipped: 0,
        rate,
        revision: 1,
        examples: examples.iter().map(|record| record.order.id).collect(),
        skips: Vec::new(),
        failures: Vec::new(),
    };
    service.stores.orders.insert_action(&action, &orders, now + LEASE).await?;
    audit(caller, &action, "bulk action started");
    runner::start(service, action.clone());
    let mut response = (StatusCode::ACCEPTED, Json(&action)).into_response();
    let location = HeaderValue::try_from(service.public.path(&format!("/admin/actions/{}", action.id)));
    response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
    Ok(response)
}

/// List bulk actions
///
/// The newest fifty, those of the caller's tenant, or all for the role `admin`. They are kept for
/// thirty days.
#[utoipa::path(
    get,
    path = "/admin/actions",
    tag = "operations",
    operation_id = "listActions",
    security(("caller" = []), ("console" = [])),
    responses((status = 200, description = "The actions", body = ActionList), Problems)
)]
pub(crate) async fn list_actions(
    State(service): State<Arc<Service>>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<ActionList>, ApiError> {
    let caller = identity.operator(&service, Role::View)?;
    let actions = service.stores.orders.actions(LISTED_MAX).await?.into_iter();
    Ok(Json(ActionList { actions: actions.filter(|stored| is_its(caller, stored)).map(with_abort).collect() }))
}

/// Get a bulk action
///
/// How far it has come.
#[utoipa::path(
    get,
    path = "/admin/actions/{id}",
    tag = "operations",
    operation_id = "getAction",
    security(("caller" = []), ("console" = [])),
    params(ActionPath),
    responses((status = 200, description = "The action", body = Action), Problems)
)]
pub(crate) async fn get_action(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<Action>, ApiError> {
    let caller = identity.operator(&service, Role::View)?;
    Ok(Json(with_abort(find(&service, caller, &id).await?)))
}

/// Abort a bulk action
///
/// Its runner stops within a second. Orders that were acted on stay as they are.
#[utoipa::path(
    delete,
    path = "/admin/actions/{id}",
    tag = "operations",
    operation_id = "abortAction",
    security(("caller" = []), ("console" = [])),
    params(ActionPath),
    responses(
        (status = 200, description = "The action had ended before", body = Action),
        (status = 202, description = "The action is to stop", body = Action),
        Problems,
    )
)]
pub(crate) async fn abort_action(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    Extension(identity): Extension<Identity>,
) -> Result<(StatusCode, Json<Action>), ApiError> {
    let caller = identity.operator(&service, Role::Operate)?;
    let stored = find(&service, caller, &id).await?;
    if stored.action.state.has_ended() {
        return Ok((StatusCode::OK, Json(stored.action)));
    }
    service.stores.orders.abort_action(stored.action.id).await?;
    audit(caller, &stored.action, "bulk action aborted");
    Ok((StatusCode::ACCEPTED, Json(with_abort(StoredAction { abort: true, ..stored }))))
}

async fn find(service: &Service, caller: &Caller, id: &str) -> Result<StoredAction, ApiError> {
    let id = id.parse().map_err(|_| ApiError::ActionNotFound)?;
    let stored = service.stores.orders.action(id).await?;
    stored.filter(|stored| is_its(caller, stored)).ok_or(ApiError::ActionNotFound)
}

fn is_its(caller: &Caller, stored: &StoredAction) -> bool {
    caller.roles.allow(Role::Admin) || stored.action.tenant.as_ref() == Some(&caller.tenant)
}

/// An action as operators see it: its row says apart from it that it is to stop.
pub(crate) fn with_abort(StoredAction { action, abort, .. }: StoredAction) -> Action {
    let state = if abort && action.state == ActionState::Running { ActionState::Aborting } else { action.state };
    Action { state, ..action }
}

fn audit(caller: &Caller, action: &Action, what: &'static str) {
    let (name, tenant) = (&caller.name, &caller.tenant);
    tracing::info!(
        target: "audit",
        {
            action.id = %action.id, action.verb = action.verb.as_str(), action.filter, action.count,
            caller.name = name, caller.tenant = %tenant
        },
        "{what}"
    );
}
