//! What the checks are made on.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use offload_service::clock;
use tokio::time::timeout;

use crate::{
    admin::snapshot::Snapshot,
    readiness::{Dependencies, Dependency},
    service::Service,
};

/// So long a renewal of the signer's credentials is waited for.
const RENEWAL_TIMEOUT: Duration = Duration::from_secs(2);

/// What is known of the service at one time.
#[derive(Debug, Clone)]
pub(crate) struct Facts<'a> {
    pub(crate) now: DateTime<Utc>,
    /// The version of this server.
    pub(crate) version: &'a str,
    pub(crate) stores: Dependencies,
    /// The index and the workers' reports; or why they are not known.
    pub(crate) index: Result<Arc<Snapshot>, String>,
    pub(crate) credentials: SignerCredentials,
    /// The least time for which a link to a status object should work.
    pub(crate) link_ttl: Duration,
    /// In which an order must end that has no deadline of its own.
    pub(crate) default_deadline: Duration,
}

/// What links are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignerCredentials {
    /// They have no end that is known, as a user's keys have none.
    Endless,
    /// They end.
    Until(DateTime<Utc>),
    /// There are none.
    Missing,
    /// They are being renewed, and their end is not known yet.
    Unknown,
}

impl SignerCredentials {
    /// Those of this server, renewed if that is due: a server that signs nothing has old ones.
    pub(crate) async fn of(service: &Service) -> Self {
        let presigner = &service.stores.presigner;
        match timeout(RENEWAL_TIMEOUT, presigner.renewed_credentials_end(clock::now())).await {
            Ok(Ok(end)) => end.map_or(Self::Endless, Self::Until),
            Ok(Err(_)) => Self::Missing,
            Err(_) => presigner.credentials_end().map_or(Self::Unknown, Self::Until),
        }
    }

    /// When they end, if they should have been renewed by now and were not.
    pub(crate) fn overdue_end(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::Until(end) if end - now < offload_stores::CREDENTIALS_MARGIN => Some(end),
            _ => None,
        }
    }
}

impl Facts<'_> {
    /// What this server knows, and reads of the stores.
    pub(crate) async fn gather(service: &Service) -> Self {
        let (index, stores, credentials) = tokio::join!(
            service.admin.index.snapshot(&service.stores.orders),
            service.readiness.check(&service.stores, &service.write_health),
            SignerCredentials::of(service),
        );
        if let Err(e) = &index {
            service.record_aws_error("cannot read the index for the doctor", e);
        }
        Self {
            now: clock::now(),
            version: env!("CARGO_PKG_VERSION"),
            stores,
            index: index.map_err(|e| format!("the order table could not be read ({})", e.kind.as_str())),
            credentials,
            link_ttl: *service.settings.status_url_ttl.start(),
            default_deadline: service.stores.orders.patience().default_deadline,
        }
    }

    /// The stores that cannot be used.
    pub(super) fn failing_stores(&self) -> Vec<&'static str> {
        let Dependencies { s3, sqs, dynamodb, .. } = self.stores;
        let all = [("S3", s3), ("SQS", sqs), ("DynamoDB", dynamodb)];
        all.into_iter().filter(|(_, state)| *state != Dependency::Ok).map(|(name, _)| name).collect()
    }
}
