//! How a client reads an order's status object: by a URL, or with credentials of its own.

use chrono::{DateTime, Utc};
use offload_domain::{id::OrderId, lifetime, status::EtaWindow, time::rfc3339_millis};
use offload_service::settings::Access;
use offload_stores::{Error, Grant, Kind};
use serde::Serialize;
use utoipa::ToSchema;

use crate::service::Service;

/// What opens one status object.
#[derive(Debug)]
pub(crate) enum Reading {
    /// A presigned GET URL, and until when it works.
    Url(String, DateTime<Utc>),
    /// Credentials for the one object.
    Credentials(StatusAccess),
}

/// Temporary credentials that can read the one status object: for an SDK of S3.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct StatusAccess {
    /// The bucket of the status object.
    bucket: String,
    /// Its key: the credentials open no other.
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

/// Text that is told to the client and to no log.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String)]
struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

impl From<Grant> for StatusAccess {
    fn from(grant: Grant) -> Self {
        let Grant { bucket, key, region, endpoint, access_key_id, secret_access_key, session_token, expires_at } =
            grant;
        let (secret_access_key, session_token) = (Secret(secret_access_key), Secret(session_token));
        Self { bucket, key, region, endpoint, access_key_id, secret_access_key, session_token, expires_at }
    }
}

impl Reading {
    /// What opens the status object of an order that is expected in this window, or has ended.
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
                service.stores.presigner.get(&key, ttl, now).await.map(|(url, end)| Self::Url(url, end))
            }
            (Access::Sts, Some(granter)) => Ok(Self::Credentials(granter.grant(&key, ttl).await?.into())),
            (Access::Sts, None) => Err(Error::new(Kind::Invalid, "sts.AssumeRole", "no signer role is set")),
        }
    }

    /// The members of an answer: URL, its end, credentials.
    pub(crate) fn members(self) -> (Option<String>, Option<DateTime<Utc>>, Option<StatusAccess>) {
        match self {
            Self::Url(url, end) => (Some(url), Some(end), None),
            Self::Credentials(access) => (None, None, Some(access)),
        }
    }
}
