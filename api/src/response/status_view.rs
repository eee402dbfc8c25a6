//! The body of `GET` and `DELETE /order/{id}`.

use offload_domain::{order::OrderRecord, status::StatusObject};
use offload_service::clock;
use offload_stores::{DeliveryLog, Error};
use serde::Serialize;
use utoipa::ToSchema;

use super::{links::Links, status_access::StatusAccess};
use crate::service::Service;

/// The status object as it is in the order table, with fresh URLs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusView {
    #[serde(flatten)]
    pub(crate) object: StatusObject,
    #[serde(flatten)]
    pub(crate) access: StatusAccess,
    /// The order's token; only in the answer to the `POST` that submitted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order_token: Option<String>,
    /// The latest deliveries to the order's webhook, the newest first; only where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deliveries: Option<Vec<DeliveryLog>>,
    pub(crate) links: Links,
}

impl StatusView {
    pub(crate) async fn of(service: &Service, record: &OrderRecord) -> Result<Self, Error> {
        let id = record.order.id;
        let object = service.status_object(record).await?;
        let access = StatusAccess::of(service, id, record.state.eta.as_ref(), clock::now()).await?;
        let deliveries = match record.order.callbacks.webhook_url {
            Some(_) => Some(service.stores.orders.deliveries(id).await?),
            None => None,
        };
        Ok(Self { object, access, order_token: None, deliveries, links: service.links(id) })
    }
}
