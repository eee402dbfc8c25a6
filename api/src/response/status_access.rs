//! How a client reads an order's status object: by a URL, or with credentials of its own.

use chrono::{DateTime, Utc};
use offload_domain::{id::OrderId, lifetime, status::EtaWindow, time::rfc3339_millis};
use offload_service::settings::Access;
use offload_stores::{Error, Grant, Kind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::service::Service;

/// How to read the status object: the same members in every answer that has an order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub(crate) struct StatusAccess {
    /// A presigned GET URL of the status object in S3. Poll it with `If-None-Match`, and not the
    /// api. Absent where the service gives out credentials instead (`status_access`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = "uri", required = true)]
    pub(crate) status_url: Option<String>,
    /// Until when `status_url` works; `links.self` gives a fresh one.
    #[serde(with = "rfc3339_millis::option", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, format = DateTime, required = true)]
    pub(crate) status_url_expires_at: Option<DateTime<Utc>>,
    /// In place of `status_url` where the service is set to it: credentials for the one object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status_access: Option<StatusCredentials>,
}

/// Temporary credentials that can read the one status object: for an SDK of S3.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct StatusCredentials {
    /// The bucket of the status object.
    bucket: String,
    /// Its key: the credentials can read no other.
    key: String,
    /// The bucket's region.
    region: String,
    /// The S3 endpoint, if it is not AWS's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    access_key_id: String,
    #[schema(format = Password)]
    secret_access_key: Secret,
    #[schema(format = Password)]
    session_token: Secret,
    /// Until when they work; `links.self` gives fresh ones.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    expires_at: DateTime<Utc>,
}

/// Text for the client, and for no log.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

impl From<Grant> for StatusCredentials {
    fn from(grant: Grant) -> Self {
        let Grant { bucket, key, region, endpoint, access_key_id, secret_access_key, session_token, expires_at } =
            grant;
        let (secret_access_key, session_token) = (Secret(secret_access_key), Secret(session_token));
        Self { bucket, key, region, endpoint, access_key_id, secret_access_key, session_token, expires_at }
    }
}

impl StatusAccess {
    /// Access to the status object of an order that is expected in this window, or has ended.
    ///
    /// # Errors
    /// If there are no credentials to sign with or to hand out.
    pub(crate) async fn of(
        service: &Service,
        id: OrderId,
        expected: Option<&EtaWindow>,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let ttl = lifetime::status_url_ttl(expected, now, &service.settings.status_url_ttl);
        let key = id.status_key();
        match (service.settings.access, &service.stores.granter) {
            (Access::Url, _) => {
                let (url, expires_at) = service.stores.presigner.get(&key, ttl, now).await?;
                Ok(Self::url(url, expires_at))
            }
            (Access::Sts, Some(granter)) => {
                let credentials = granter.grant(&key, ttl).await?.into();
                Ok(Self { status_access: Some(credentials), ..Self::default() })
            }
            (Access::Sts, None) => Err(Error::new(Kind::Invalid, "sts.AssumeRole", "no signer role is set")),
        }
    }

    pub(crate) fn url(url: String, expires_at: DateTime<Utc>) -> Self {
        Self { status_url: Some(url), status_url_expires_at: Some(expires_at), status_access: None }
    }
}
