//! Credentials that are resolved once, and again before they expire.

use std::time::SystemTime;

use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError},
};
use chrono::TimeDelta;
use offload_service::clock;
use tokio::sync::RwLock;

/// Credentials that would end sooner than this are renewed, or sooner than half of the time that
/// they were good for when they came: a session of a minute cannot be kept five minutes fresh.
pub const CREDENTIALS_MARGIN: TimeDelta = TimeDelta::seconds(300);

/// The clock was corrected by so much: then what was signed before may have been refused for its
/// time.
const CORRECTED: TimeDelta = TimeDelta::minutes(4);

/// Credentials of a provider; a provider that learned the right time by a refusal is asked again.
/// STS is asked by a client of the SDK's own, which does not try again for that.
pub(crate) async fn provide(provider: &impl ProvideCredentials) -> Result<Credentials, CredentialsError> {
    let before = clock::offset();
    match provider.provide_credentials().await {
        Err(_) if (clock::offset() - before).abs() >= CORRECTED => provider.provide_credentials().await,
        provided => provided,
    }
}

/// A provider with a memory; one caller resolves, the others wait for it.
#[derive(Debug)]
pub(crate) struct CachedCredentials {
    provider: SharedCredentialsProvider,
    current: RwLock<Option<Resolved>>,
}

#[derive(Debug)]
struct Resolved {
    credentials: Credentials,
    /// When to resolve again; never, for credentials without a known end.
    renew_at: Option<SystemTime>,
}

impl CachedCredentials {
    pub(crate) fn new(provider: SharedCredentialsProvider) -> Self {
        Self { provider, current: RwLock::new(None) }
    }

    /// When the current ones end, if that is known.
    pub(crate) fn end(&self) -> Option<SystemTime> {
        self.current.try_read().ok()?.as_ref()?.credentials.expiry()
    }

    /// Credentials that are good for a while.
    pub(crate) async fn get(&self, now: SystemTime) -> Result<Credentials, String> {
        if let Some(fresh) = fresh(self.current.read().await.as_ref(), now) {
            return Ok(fresh);
        }
        let mut current = self.current.write().await;
        // Another caller may have been here meanwhile.
        if let Some(fresh) = fresh(current.as_ref(), now) {
            return Ok(fresh);
        }
        let credentials = match provide(&self.provider).await {
            Ok(credentials) => credentials,
            // The old ones serve as long as they live: their end is stated with every URL.
            Err(e) => match current.as_ref().filter(|c| c.credentials.expiry().is_some_and(|end| end > now)) {
                Some(old) => return Ok(old.credentials.clone()),
                None => return Err(e.to_string()),
            },
        };
        let renew_at = credentials.expiry().map(|end| {
            let left = end.duration_since(now).unwrap_or_default();
            end - CREDENTIALS_MARGIN.to_std().unwrap_or_default().min(left / 2)
        });
        *current = Some(Resolved { credentials: credentials.clone(), renew_at });
        Ok(credentials)
    }
}

fn fresh(current: Option<&Resolved>, now: SystemTime) -> Option<Credentials> {
    let current = current?;
    current.renew_at.is_none_or(|at| now < at).then(|| current.credentials.clone())
}
