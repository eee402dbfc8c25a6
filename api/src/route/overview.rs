//! `GET /admin/counts`, `/admin/workers` and `/admin/deliveries`: the service as a whole.

use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
};

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use chrono::{DateTime, Utc};
use offload_domain::{
    caller::Role,
    json::to_json,
    time::rfc3339_millis,
    worker_figures::{EndpointFigures, quantile},
};
use offload_service::clock;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    admin::counts::Counts,
    caller::identity::Identity,
    response::{error::ApiError, listed_order::ListedOrder},
    route::problems::problems,
    service::Service,
};

/// Orders without a living worker that are listed.
const LISTED_MAX: usize = 20;
/// Endpoints that are listed.
const ENDPOINTS_MAX: usize = 100;

problems!(
    Problems: CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite, CallersUnavailable, NotFound,
    StorageUnavailable, Overloaded, TooManyRequests,
);

/// Get the figures of the overview
///
/// Of the whole service, for the role `admin`. The index is read once a second at most, however
/// many ask. Only where callers are known or the console is on.
#[utoipa::path(
    get,
    path = "/admin/counts",
    tag = "operations",
    operation_id = "getCounts",
    security(("caller" = []), ("console" = [])),
    params(("If-None-Match" = Option<String>, Header, description = "The ETag of the figures that the client has")),
    responses(
        (status = 200, description = "The figures", body = Counts, headers(
            ("ETag" = String, description = "Changes with the figures, and not with the time"),
        )),
        (status = 304, description = "They have not changed"),
        Problems,
    )
)]
pub(crate) async fn counts(
    State(service): State<Arc<Service>>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    identity.operator(&service, Role::Admin)?;
    let counts = Counts::now(&service).await?;
    let mut hasher = DefaultHasher::new();
    to_json(&counts.without_time()).hash(&mut hasher);
    let etag = format!("\"{:016x}\"", hasher.finish());
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes());
    let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { Json(counts).into_response() };
    response.headers_mut().extend(HeaderValue::try_from(etag).map(|etag| (header::ETAG, etag)));
    Ok(response)
}

/// The workers.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Workers {
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    as_of: DateTime<Utc>,
    /// Those that reported within the last minute.
    workers: Vec<WorkerView>,
    /// Orders that a worker has which has not reported for a minute, twenty at most.
    orders_without_worker: Vec<ListedOrder>,
    /// Open orders that were searched for them.
    searched: usize,
    /// Whether there are open orders that were not.
    more: bool,
}

/// A worker.
#[derive(Debug, Serialize, ToSchema)]
struct WorkerView {
    name: String,
    /// Whether it reported within the last twelve seconds.
    alive: bool,
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    reported_at: DateTime<Utc>,
    /// Null of a version that does not report it, as the members below.
    #[serde(with = "rfc3339_millis::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<DateTime<Utc>>,
    version: Option<String>,
    /// Orders that it can work on at once.
    concurrency: u32,
    /// Orders that it works on.
    running: Option<u32>,
    /// Orders that it finished, as of the last three seconds.
    finished_a_minute: u32,
    /// How long an order takes it; null before the first one.
    mean_seconds: Option<f64>,
    /// Open orders that it has, among those that were searched.
    leases: usize,
}

/// List the workers
///
/// Of the whole service, for the role `admin`. Only where callers are known or the console is on.
#[utoipa::path(
    get,
    path = "/admin/workers",
    tag = "operations",
    operation_id = "listWorkers",
    security(("caller" = []), ("console" = [])),
    responses((status = 200, description = "The workers", body = Workers), Problems)
)]
pub(crate) async fn workers(
    State(service): State<Arc<Service>>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<Workers>, ApiError> {
    identity.operator(&service, Role::Admin)?;
    let snapshot = service.admin.index.snapshot(&service.stores.orders).await?;
    let leases = |name: &str| snapshot.open.values().filter(|record| record.worker() == Some(name)).count();
    let workers = snapshot.recent_workers().map(|(report, alive)| WorkerView {
        name: report.worker.clone(),
        alive,
        reported_at: report.reported_at,
        started_at: report.figures.as_ref().map(|figures| figures.started_at),
        version: report.figures.as_ref().map(|figures| figures.version.clone()),
        concurrency: report.concurrency,
        running: report.figures.as_ref().map(|figures| figures.running),
        finished_a_minute: report.finished_3s.saturating_mul(20),
        mean_seconds: Some(report.history.summary().mean).filter(|_| report.history.count() > 0.0),
        leases: leases(&report.worker),
    });
    Ok(Json(Workers {
        as_of: snapshot.as_of,
        workers: workers.collect(),
        orders_without_worker: snapshot
            .without_worker()
            .take(LISTED_MAX)
            .map(|record| ListedOrder::of(&service, record))
            .collect(),
        searched: snapshot.open.len(),
        more: !snapshot.has_all_open(),
    }))
}

/// How webhooks fared, by endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Endpoints {
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    as_of: DateTime<Utc>,
    /// Those that were called last first.
    endpoints: Vec<EndpointView>,
    /// Whether there may be more: each worker reports the twenty that it called last.
    more: bool,
}

/// An endpoint of webhooks.
#[derive(Debug, Serialize, ToSchema)]
struct EndpointView {
    /// Scheme, host and port.
    endpoint: String,
    /// Events that it took in the last hour.
    delivered: f64,
    /// Attempts that failed.
    failed: f64,
    /// Events that are not tried again.
    given_up: f64,
    /// How long half of its last answers took at most, in milliseconds.
    p50_ms: Option<u32>,
    /// How long 99 of 100 took at most.
    p99_ms: Option<u32>,
    breaker: BreakerState,
    /// When it is tried next, where the circuit is open.
    #[serde(with = "rfc3339_millis::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    retry_at: Option<DateTime<Utc>>,
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    last_at: DateTime<Utc>,
    last_error: Option<String>,
}

/// Whether an endpoint is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum BreakerState {
    /// It is.
    Closed,
    /// It is left alone.
    Open,
    /// The next delivery probes it.
    HalfOpen,
}

/// List the endpoints of webhooks
///
/// How webhooks fared in the last hour, by endpoint, as the workers report it. Of the whole
/// service, for the role `admin`. Only where callers are known or the console is on.
#[utoipa::path(
    get,
    path = "/admin/deliveries",
    tag = "operations",
    operation_id = "listEndpoints",
    security(("caller" = []), ("console" = [])),
    responses((status = 200, description = "The endpoints", body = Endpoints), Problems)
)]
pub(crate) async fn endpoints(
    State(service): State<Arc<Service>>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<Endpoints>, ApiError> {
    identity.operator(&service, Role::Admin)?;
    let snapshot = service.admin.index.snapshot(&service.stores.orders).await?;
    let now = clock::now();
    let mut by_endpoint = BTreeMap::<&str, Vec<&EndpointFigures>>::new();
    let mut more = false;
    for figures in snapshot.workers.iter().filter_map(|report| report.figures.as_ref()) {
        more |= figures.endpoints.len() >= offload_domain::worker_figures::ENDPOINTS_MAX;
        for endpoint in &figures.endpoints {
            by_endpoint.entry(&endpoint.endpoint).or_default().push(endpoint);
        }
    }
    let mut endpoints: Vec<_> = by_endpoint.into_values().filter_map(|all| merged(&all, now)).collect();
    endpoints.sort_by_key(|endpoint| std::cmp::Reverse(endpoint.last_at));
    more |= endpoints.len() > ENDPOINTS_MAX;
    endpoints.truncate(ENDPOINTS_MAX);
    Ok(Json(Endpoints { as_of: snapshot.as_of, endpoints, more }))
}

/// One endpoint, as several workers saw it.
fn merged(all: &[&EndpointFigures], now: DateTime<Utc>) -> Option<EndpointView> {
    let last = all.iter().max_by_key(|figures| figures.last_at)?;
    let total = |of: fn(&EndpointFigures) -> &offload_domain::minutes::Minutes| {
        all.iter().flat_map(|figures| of(figures).series(now)).sum::<f64>()
    };
    let mut durations: Vec<u32> = all.iter().flat_map(|figures| figures.durations_ms.iter().copied()).collect();
    durations.sort_unstable();
    let open_until = all.iter().filter_map(|figures| figures.open_until).max();
    let breaker = match open_until {
        None => BreakerState::Closed,
        Some(until) if until > now => BreakerState::Open,
        Some(_) => BreakerState::HalfOpen,
    };
    Some(EndpointView {
        endpoint: last.endpoint.clone(),
        delivered: total(|figures| &figures.delivered),
        failed: total(|figures| &figures.failed),
        given_up: total(|figures| &figures.given_up),
        p50_ms: quantile(&durations, 0.5),
        p99_ms: quantile(&durations, 0.99),
        breaker,
        retry_at: open_until.filter(|until| *until > now),
        last_at: last.last_at,
        last_error: last.last_error.clone(),
    })
}
