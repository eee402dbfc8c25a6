//! `GET /admin/events`: what changes, as server-sent events.

use std::{collections::HashMap, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::State,
    http::{HeaderValue, Method, header},
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use chrono::{DateTime, Utc};
use futures_util::stream;
use offload_domain::{
    action::Action, caller::Role, id::OrderId, json::to_json, order::OrderRecord, status::Status, tenant::Tenant,
    time::rfc3339_millis,
};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::{actions::with_abort, list_orders::of_caller};
use crate::{
    admin::{counts::Counts, snapshot::Snapshot},
    caller::identity::Identity,
    edge::limit_concurrency::RequestPermit,
    response::{error::ApiError, listed_order::ListedOrder},
    route::problems::problems,
    service::Service,
};

/// How often a stream reads the changes: with at most three kinds of them, three messages a second.
const EVERY: Duration = Duration::from_secs(1);
/// Figures are sent once in so many reads.
const COUNTS_EVERY: u32 = 2;
/// An event `beat` when nothing has changed for so long: a page cannot see comments.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long a client waits before it connects again.
const RETRY: Duration = Duration::from_secs(2);
/// A stream ends after so long, and its client connects again with its credentials.
const LIFETIME: Duration = Duration::from_secs(900);

problems!(
    Problems: CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite, CallersUnavailable, NotFound,
    TooManyConnections, StorageUnavailable, Overloaded, TooManyRequests,
);

/// Orders that have changed.
#[derive(Debug, Serialize)]
struct OrderChanges {
    #[serde(with = "rfc3339_millis")]
    as_of: DateTime<Utc>,
    orders: Vec<ListedOrder>,
    /// Erased ones, and failed ones that were purged.
    gone: Vec<OrderId>,
}

/// Actions that have changed.
#[derive(Debug, Serialize)]
struct ActionChanges {
    actions: Vec<Action>,
}

/// Subscribe to what changes
///
/// Server-sent events of three kinds: `orders` with the orders that are new or have a new revision
/// and the ids of those that are gone, `counts` with the figures of the overview (for the role
/// `admin`), and `actions`. They come from the index of the order table, which is read once a
/// second while anybody subscribes: the hundred open orders that fall due next, and the two hundred
/// that failed last. An order that ends well comes once more, unless it began and ended between two
/// reads. Nothing is sent again after a
/// reconnect: subscribe first, and then read the lists. Not where the api is a function.
#[utoipa::path(
    get,
    path = "/admin/events",
    tag = "operations",
    operation_id = "subscribeToChanges",
    security(("caller" = []), ("console" = [])),
    responses(
        (status = 200, description = "A stream of changes", content_type = "text/event-stream", body = String),
        Problems,
    )
)]
pub(crate) async fn admin_events(
    State(service): State<Arc<Service>>,
    Extension(identity): Extension<Identity>,
    Extension(permit): Extension<RequestPermit>,
    method: Method,
) -> Result<Response, ApiError> {
    let caller = identity.operator(&service, Role::View)?;
    if !service.allows_long_polls {
        return Err(ApiError::NotFound);
    }
    let tenant = of_caller(caller, None)?;
    if method == Method::HEAD {
        return Ok([(header::CONTENT_TYPE, "text/event-stream")].into_response());
    }
    let admin = Arc::clone(&service.admin);
    let Ok(stream_permit) = Arc::clone(&admin.streams).try_acquire_owned() else {
        return Err(ApiError::TooManyConnections);
    };
    let snapshot = service.admin.index.snapshot(&service.stores.orders).await?;
    // From here on the request only waits, and must not keep others out.
    permit.release();
    let begun = Instant::now();
    let mut changes = Changes {
        tenant,
        orders: HashMap::new(),
        actions: HashMap::new(),
        counts: None,
        reads: 0,
        ready: Vec::new(),
        next_read: begun,
        end: begun + LIFETIME,
        greeted: false,
        service,
        _permit: stream_permit,
    };
    // What the lists have already, which the client reads by itself.
    let _ = (changes.orders(&snapshot), changes.actions(&snapshot));
    let beat = KeepAlive::new().interval(HEARTBEAT).event(Event::default().event("beat").data("{}"));
    let mut response = Sse::new(stream::unfold(changes, next)).keep_alive(beat).into_response();
    // For nginx, which otherwise buffers events until it has enough of them.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// What one subscriber has been sent.
struct Changes {
    service: Arc<Service>,
    _permit: tokio::sync::OwnedSemaphorePermit,
    /// Whose orders it may see; all without one.
    tenant: Option<Tenant>,
    orders: HashMap<OrderId, u64>,
    actions: HashMap<OrderId, (u64, bool)>,
    counts: Option<Counts>,
    reads: u32,
    ready: Vec<Event>,
    next_read: Instant,
    end: Instant,
    greeted: bool,
}

/// The next event, and the rest of the stream.
async fn next(mut changes: Changes) -> Option<(Result<Event, Infallible>, Changes)> {
    if !changes.greeted {
        changes.greeted = true;
        return Some((Ok(Event::default().retry(RETRY).comment("subscribed")), changes));
    }
    loop {
        if let Some(event) = changes.ready.pop() {
            return Some((Ok(event), changes));
        }
        changes.next_read = (changes.next_read + EVERY).max(Instant::now());
        let stop = changes.service.stop.clone();
        tokio::select! {
            () = stop.cancelled() => return None,
            () = sleep_until(changes.next_read) => {}
        }
        if Instant::now() >= changes.end {
            return None;
        }
        changes.read().await;
    }
}

impl Changes {
    /// Makes events of what has changed. A store that fails is seen by the figures, and by the
    /// silence.
    async fn read(&mut self) {
        let service = Arc::clone(&self.service);
        let Ok(snapshot) = service.admin.index.snapshot(&service.stores.orders).await else { return };
        self.reads = self.reads.wrapping_add(1);
        let (orders, actions) = (self.orders(&snapshot), self.actions(&snapshot));
        let event = |name: &str, data: String| Event::default().event(name).data(data);
        if !actions.actions.is_empty() {
            self.ready.push(event("actions", to_json(&actions)));
        }
        if self.tenant.is_none()
            && self.reads.is_multiple_of(COUNTS_EVERY)
            && let Ok(counts) = Counts::now(&service).await
        {
            let comparable = Some(counts.without_time());
            if self.counts != comparable {
                self.counts = comparable;
                self.ready.push(event("counts", to_json(&counts)));
            }
        }
        if !orders.orders.is_empty() || !orders.gone.is_empty() {
            self.ready.push(event("orders", to_json(&orders)));
        }
    }

    fn orders(&mut self, snapshot: &Snapshot) -> OrderChanges {
        // A failed order that left the index was purged.
        let purged = |record: &OrderRecord| record.state.status == Status::Failed;
        let left = snapshot.left.values().filter_map(|(_, record)| record.as_ref().filter(|r| !purged(r)));
        let records = snapshot.open.values().chain(snapshot.failed.values()).chain(left);
        let mut orders = Vec::new();
        for record in records.filter(|record| self.tenant.as_ref().is_none_or(|own| *own == record.order.tenant)) {
            let (id, revision) = (record.order.id, record.state.revision);
            if self.orders.insert(id, revision) != Some(revision) {
                orders.push(ListedOrder::of(&self.service, record));
            }
        }
        let mut gone = Vec::new();
        for (id, (_, record)) in &snapshot.left {
            if record.as_ref().is_none_or(purged) && self.orders.remove(id).is_some() {
                gone.push(*id);
            }
        }
        // Only those that can change: what is sent once more has ended.
        let known = |id: &OrderId| {
            snapshot.open.contains_key(id) || snapshot.failed.contains_key(id) || snapshot.left.contains_key(id)
        };
        self.orders.retain(|id, _| known(id));
        OrderChanges { as_of: snapshot.as_of, orders, gone }
    }

    fn actions(&mut self, snapshot: &Snapshot) -> ActionChanges {
        let own = |action: &Action| self.tenant.is_none() || action.tenant == self.tenant;
        let all: Vec<_> = snapshot.actions.iter().filter(|stored| own(&stored.action)).cloned().collect();
        let seen = std::mem::take(&mut self.actions);
        self.actions = all.iter().map(|stored| (stored.action.id, (stored.action.revision, stored.abort))).collect();
        let is_new = |id: &OrderId| self.actions.get(id) != seen.get(id);
        let actions = all.into_iter().filter(|stored| is_new(&stored.action.id)).map(with_abort).collect();
        ActionChanges { actions }
    }
}
