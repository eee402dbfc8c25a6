//! What `GET` and `DELETE /order/{id}` show.

use chrono::{DateTime, Utc};
use offload_shared::{aws::Error, clock, clock::rfc3339_millis, lifetime, order::OrderRecord, status::StatusObject};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{links::Links, service::Service};

/// The status object as it is in the order table, with fresh URLs.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusView {
    #[serde(flatten)]
    pub(crate) object: StatusObject,
    /// A presigned GET URL of the status object in S3: poll this, not the api.
    #[schema(format = "uri")]
    pub(crate) status_url: String,
    /// Until when `status_url` works.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) status_url_expires_at: DateTime<Utc>,
    /// The order's token; only in the answer to the `POST` that placed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) order_token: Option<String>,
    pub(crate) links: Links,
}

impl StatusView {
    pub(crate) async fn of(service: &Service, record: &OrderRecord) -> Result<Self, Error> {
        let (presigner, id, now) = (&service.stores.presigner, record.order.id, clock::now());
        let ttl = lifetime::status_url_ttl(record.state.eta.as_ref(), now, &service.settings.status_url_ttl);
        let result = match record.result_key() {
            Some(key) => Some(presigner.get(key, ttl, now).await?),
            None => None,
        };
        let (status_url, status_url_expires_at) = presigner.get(&id.status_key(), ttl, now).await?;
        Ok(Self {
            object: record.status_object(result),
            status_url,
            status_url_expires_at,
            order_token: None,
            links: service.public.links(id),
        })
    }
}
