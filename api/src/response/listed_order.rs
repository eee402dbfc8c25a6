//! An order as operators see it in lists.

use chrono::{DateTime, Utc};
use offload_domain::{
    id::OrderId,
    labels::Labels,
    lane::Priority,
    order::OrderRecord,
    problem::Problem,
    status::{EtaWindow, ProgressReport, Status},
    time::rfc3339_millis,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::service::Service;

/// An order of a list.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ListedOrder {
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: OrderId,
    /// Whose it is.
    pub(crate) tenant: String,
    pub(crate) status: Status,
    pub(crate) revision: u64,
    generation: u32,
    /// How often a worker has started the work, in this generation.
    attempt: u32,
    /// The member `kind` of its payload; empty without one.
    kind: String,
    /// How urgent it is.
    #[schema(value_type = String)]
    priority: Priority,
    /// When it was accepted.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: DateTime<Utc>,
    /// When its status was reached.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    updated_at: DateTime<Utc>,
    /// When a worker first started the work.
    #[serde(with = "rfc3339_millis::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started_at: Option<DateTime<Utc>>,
    /// When it ended.
    #[serde(with = "rfc3339_millis::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_at: Option<DateTime<Utc>>,
    /// When it must have ended.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) deadline_at: DateTime<Utc>,
    /// How far the work is, if the processor reports it.
    progress: Option<ProgressReport>,
    /// When it should be done; null once it has ended.
    eta: Option<EtaWindow>,
    /// Why the order, or its last attempt, failed.
    error: Option<Problem>,
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    labels: Labels,
    /// The worker that has it.
    worker: Option<String>,
    /// Whether its worker was asked to cancel it.
    cancel_requested: bool,
}

impl ListedOrder {
    /// The order of a record, which need not have its payload but for the member `kind`.
    pub(crate) fn of(service: &Service, record: &OrderRecord) -> Self {
        let OrderRecord { order, state, .. } = record;
        Self {
            id: order.id,
            tenant: order.tenant.to_string(),
            status: state.status,
            revision: state.revision,
            generation: state.generation,
            attempt: state.attempt,
            kind: order.kind(),
            priority: order.priority,
            created_at: order.created_at,
            updated_at: state.updated_at,
            started_at: state.started_at,
            finished_at: state.finished_at,
            deadline_at: record.deadline(service.stores.orders.patience().default_deadline),
            progress: state.progress.clone(),
            eta: state.eta.filter(|_| !state.status.is_final()),
            error: state.error.clone(),
            labels: order.labels.clone(),
            worker: record.worker().map(str::to_owned),
            cancel_requested: record.cancel_requested,
        }
    }
}
