//! `GET /admin/orders/{id}`: everything of one order.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
};
use chrono::{DateTime, Utc};
use offload_domain::{
    caller::Role,
    group::GroupPlace,
    id::OrderId,
    json_text::JsonText,
    labels::Labels,
    order::OrderRecord,
    status::{Status, StatusObject},
    time::rfc3339_millis,
};
use offload_service::clock;
use offload_stores::DeliveryLog;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::deliveries::order_for;
use crate::{
    caller::identity::Identity,
    request::{
        order_path::OrderPath,
        query::{OfQuery, wish},
    },
    response::{error::ApiError, links::Links, listed_order::ListedOrder, status_access::StatusAccess},
    route::problems::problems,
    service::Service,
};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct DescribeQuery {
    #[serde(deserialize_with = "wish")]
    payload: bool,
}

/// Everything of one order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OrderDetails {
    #[serde(flatten)]
    listed: ListedOrder,
    /// The status object as the order table has it. The object in S3 is no newer.
    status_object: StatusObject,
    #[serde(flatten)]
    access: StatusAccess,
    /// Not to be started before.
    #[serde(with = "rfc3339_millis::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    not_before: Option<DateTime<Utc>>,
    /// Whether the order brought its deadline with it.
    own_deadline: bool,
    lease: Option<LeaseView>,
    /// The W3C trace id of the request that submitted it.
    trace_id: Option<String>,
    /// Its place in the group of its batch.
    group: Option<GroupPlaceView>,
    /// Where its webhook goes: the host alone, as the rest may have a secret in it.
    webhook_host: Option<String>,
    /// Whether a task of Step Functions waits for it.
    has_task_token: bool,
    /// Whether its result is an object of its own.
    result_key: bool,
    /// What is known to have happened, the oldest first.
    timeline: Vec<TimelineEntry>,
    /// What became of its last events at its webhook, the newest first.
    deliveries: Vec<DeliveryLog>,
    links: Links,
    /// The text that was sent, unless it was not asked for.
    #[schema(value_type = Option<serde_json::Value>)]
    payload: Option<JsonText>,
}

/// Who works on an order.
#[derive(Debug, Serialize, ToSchema)]
struct LeaseView {
    worker: String,
    /// Until when nobody else takes the order.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    until: DateTime<Utc>,
}

/// Where an order is in a group.
#[derive(Debug, Serialize, ToSchema)]
struct GroupPlaceView {
    #[schema(value_type = String, format = "uuid")]
    id: OrderId,
    place: u16,
}

/// Something that happened to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
struct TimelineEntry {
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    at: DateTime<Utc>,
    event: TimelineEvent,
    revision: Option<u64>,
    attempt: Option<u32>,
    detail: Option<String>,
}

/// What can happen to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TimelineEvent {
    Accepted,
    NotBefore,
    Redriven,
    Started,
    AttemptFailed,
    Progress,
    CancelRequested,
    Completed,
    Failed,
    Cancelled,
    Delivery,
}

problems!(
    Problems: InvalidOrderId, InvalidQuery, CredentialsMissing, CredentialsInvalid, RoleMissing, CrossSite,
    CallersUnavailable, OrderNotFound, NotFound, StorageUnavailable, Overloaded, TooManyRequests,
);

/// Describe an order
///
/// Everything that is known of an order of the caller's tenant, or of any for the role `admin`. Its
/// payload only when it is asked for, and for the role `operate`. Only where callers are known or
/// the console is on.
#[utoipa::path(
    get,
    path = "/admin/orders/{id}",
    tag = "operations",
    operation_id = "describeOrder",
    security(("caller" = []), ("console" = [])),
    params(OrderPath, ("payload" = Option<bool>, Query, description = "true: with the payload")),
    responses((status = 200, description = "The order", body = OrderDetails), Problems)
)]
pub(crate) async fn describe_order(
    State(service): State<Arc<Service>>,
    Path(id): Path<String>,
    OfQuery(query): OfQuery<DescribeQuery>,
    Extension(identity): Extension<Identity>,
) -> Result<Json<OrderDetails>, ApiError> {
    let role = if query.payload { Role::Operate } else { Role::View };
    let (_, record) = order_for(&service, &identity, role, &id).await?;
    let id = record.order.id;
    let deliveries = match record.order.callbacks.webhook_url {
        Some(_) => service.stores.orders.deliveries(id).await?,
        None => Vec::new(),
    };
    let OrderRecord { order, lease, .. } = &record;
    let lease = record.worker().zip(lease.as_ref());
    let webhook = order.callbacks.webhook_url.as_deref().and_then(|url| Url::parse(url).ok());
    Ok(Json(OrderDetails {
        listed: ListedOrder::of(&service, &record),
        status_object: StatusObject { labels: Labels::default(), ..service.status_object(&record).await? },
        access: StatusAccess::of(&service, id, record.state.eta.as_ref(), clock::now()).await?,
        not_before: order.not_before,
        own_deadline: order.deadline_at.is_some(),
        lease: lease.map(|(worker, lease)| LeaseView { worker: worker.to_owned(), until: lease.until }),
        trace_id: order.trace.as_ref().map(|context| context.trace_id().to_owned()),
        group: order.group.map(|GroupPlace { group, place }| GroupPlaceView { id: group, place }),
        webhook_host: webhook.as_ref().and_then(Url::host_str).map(str::to_owned),
        has_task_token: order.callbacks.task_token.is_some(),
        result_key: record.result_key().is_some(),
        timeline: timeline(&record, &deliveries),
        deliveries,
        links: service.links(id),
        payload: query.payload.then(|| JsonText::parse(order.payload.as_str().to_owned()).ok()).flatten(),
    }))
}

/// What the row and the log of deliveries say has happened.
fn timeline(record: &OrderRecord, deliveries: &[DeliveryLog]) -> Vec<TimelineEntry> {
    let OrderRecord { order, state, .. } = record;
    let entry = |at, event, revision, attempt, detail| TimelineEntry { at, event, revision, attempt, detail };
    let mut entries = vec![entry(order.created_at, TimelineEvent::Accepted, Some(1), None, None)];
    entries.extend(order.not_before.map(|at| entry(at, TimelineEvent::NotBefore, None, None, None)));
    let generation = Some(format!("generation {}", state.generation));
    entries.extend(state.redriven_at.map(|at| entry(at, TimelineEvent::Redriven, None, None, generation)));
    entries.extend(state.started_at.map(|at| entry(at, TimelineEvent::Started, None, Some(1), None)));
    let why = state.error.as_ref().map(|error| error.detail.clone().unwrap_or_else(|| error.title.clone()));
    let (now, revision, attempt) = (state.updated_at, Some(state.revision), Some(state.attempt));
    match state.status {
        Status::Pending => {}
        Status::Processing if why.is_some() => {
            entries.push(entry(now, TimelineEvent::AttemptFailed, revision, attempt, why));
        }
        Status::Processing => {
            let progress = state.progress.as_ref();
            let said = progress.map(|p| format!("{} % {}", p.percent, p.message.as_deref().unwrap_or_default()));
            let said = said.map(|text| text.trim_end().to_owned());
            entries.extend(said.map(|text| entry(now, TimelineEvent::Progress, revision, attempt, Some(text))));
        }
        ended => {
            let event = match ended {
                Status::Failed => TimelineEvent::Failed,
                Status::Cancelled => TimelineEvent::Cancelled,
                _ => TimelineEvent::Completed,
            };
            entries.push(entry(state.finished_at.unwrap_or(now), event, revision, attempt, why));
        }
    }
    for log in deliveries {
        for made in &log.attempts {
            let outcome = made.error.clone().or_else(|| made.status.map(|status| format!("answered {status}")));
            entries.push(entry(made.at, TimelineEvent::Delivery, Some(log.revision), None, outcome));
        }
    }
    if record.cancel_requested && !state.status.is_final() {
        entries.push(entry(now, TimelineEvent::CancelRequested, None, None, None));
    }
    entries.sort_by_key(|entry| entry.at);
    entries
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use offload_domain::{fixtures, problem::ends, transition::Transition};
    use offload_stores::{Attempt, DeliveryState};

    use super::*;

    #[test]
    fn a_timeline_has_what_is_known_in_its_order() {
        let at = |seconds| DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
        let mut record = fixtures::record(at(0));
        record.state = record.state.apply(Transition::Start { eta: None, poll_after_ms: None }, at(3)).unwrap();
        let error = ends::processing_failed("the shop is closed");
        record.state = record.state.apply(Transition::Fail { error }, at(9)).unwrap();
        let attempt = Attempt { at: at(10), status: Some(200), error: None, duration_ms: 4 };
        let log = DeliveryLog {
            channel: "webhook".to_owned(),
            revision: 3,
            state: DeliveryState::Delivered,
            attempts: vec![attempt],
            tenant: record.order.tenant.clone(),
        };
        let timeline = timeline(&record, &[log]);
        let events: Vec<_> = timeline.iter().map(|e| (e.at, e.event)).collect();
        assert_eq!(
            events,
            [
                (at(0), TimelineEvent::Accepted),
                (at(3), TimelineEvent::Started),
                (at(9), TimelineEvent::Failed),
                (at(10), TimelineEvent::Delivery)
            ]
        );
        assert_eq!(timeline[2].detail.as_deref(), Some("the shop is closed"));
    }
}
