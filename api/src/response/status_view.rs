//! What `GET` and `DELETE /order/{id}` show.

use chrono::{DateTime, Utc};
use offload_domain::{order::OrderRecord, status::StatusObject, time::rfc3339_millis};
use offload_service::clock;
use offload_stores::{DeliveryLog, Error};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    push::order_updates::object_of,
    response::links::Links,
    response::status_access::{Reading, StatusAccess},
    service::Service,
};

/// The status object as it is in the order table, with fresh URLs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusView {
    #[serde(flatten)]
    pub(crate) object: StatusObject,
    /// A presigned GET URL of the status object in S3. Poll this, not the api. Not there where the service hands out credentials
    /// instead (`status_access`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = "uri", required = true)]
    pub(crate) status_url: Option<String>,
    /// Until when `status_url` works.
    #[serde(with = "rfc3339_millis::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = true)]
    pub(crate) status_url_expires_at: Option<DateTime<Utc>>,
    /// In place of `status_url` where the service is set to it: credentials for the one object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status_access: Option<StatusAccess>,
    /// The order's token; only in the answer to the `POST` that placed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order_token: Option<String>,
    /// What became of the last events for the order's webhook, the newest first; only where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deliveries: Option<Vec<DeliveryLog>>,
    pub(crate) links: Links,
}

impl StatusView {
    pub(crate) async fn of(service: &Service, record: &OrderRecord) -> Result<Self, Error> {
        let id = record.order.id;
        let object = object_of(service, record).await?;
        let reading = Reading::of(service, id, record.state.eta.as_ref(), clock::now()).await?;
        let deliveries = match record.order.callbacks.webhook_url {
            Some(_) => Some(service.stores.orders.deliveries(id).await?),
            None => None,
        };
        let (status_url, status_url_expires_at, status_access) = reading.members();
        Ok(Self {
            object,
            deliveries,
            status_url,
            status_url_expires_at,
            status_access,
            order_token: None,
            links: service.links(id),
        })
    }
}
