//! The body of `GET` and `DELETE /order/{id}`.

use chrono::{DateTime, Utc};
use offload_domain::{lifetime, order::OrderRecord, status::StatusObject, time::rfc3339_millis};
use offload_service::clock;
use offload_stores::{DeliveryLog, Error};
use serde::Serialize;
use utoipa::ToSchema;

use super::{links::Links, status_access::StatusAccess, tokens::OrderTokens};
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
    /// The token that can only read; only there too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) read_token: Option<String>,
    /// Until when both work.
    #[serde(with = "rfc3339_millis::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) token_expires_at: Option<DateTime<Utc>>,
    /// The latest deliveries to the order's webhook, the newest first; only where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) deliveries: Option<Vec<DeliveryLog>>,
    /// A presigned GET URL of the log of the latest attempt that has ended and logged anything;
    /// only where the operator shares logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_url: Option<String>,
    /// Until when `log_url` works.
    #[serde(with = "rfc3339_millis::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) log_url_expires_at: Option<DateTime<Utc>>,
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
        let (log_url, log_url_expires_at) = log_url(service, record).await?.unzip();
        Ok(Self {
            object,
            access,
            order_token: None,
            read_token: None,
            token_expires_at: None,
            deliveries,
            log_url,
            log_url_expires_at,
            links: service.links(id),
        })
    }

    /// The view with the order's tokens, for the client that has just submitted it.
    pub(crate) fn with_tokens(self, tokens: OrderTokens) -> Self {
        let OrderTokens { order_token, read_token, token_expires_at } = tokens;
        let (order_token, read_token) = (Some(order_token), Some(read_token));
        Self { order_token, read_token, token_expires_at: Some(token_expires_at), ..self }
    }
}

/// The URL of a log and its expiry, if the order has a log and clients may read it.
async fn log_url(service: &Service, record: &OrderRecord) -> Result<Option<(String, DateTime<Utc>)>, Error> {
    if !service.settings.share_work_logs {
        return Ok(None);
    }
    let (id, now) = (record.order.id, clock::now());
    let Some(fence) = service.stores.objects.latest_log(id, record.state.fence()).await? else { return Ok(None) };
    let ttl = lifetime::status_url_ttl(record.state.eta.as_ref(), now, &service.settings.status_url_ttl);
    service.stores.presigner.get(&id.log_key(fence), ttl, now).await.map(Some)
}
