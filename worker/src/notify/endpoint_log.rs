//! How the webhooks of each endpoint fared, for operators.

use std::{num::NonZeroUsize, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use lru::LruCache;
use offload_domain::worker_figures::{ENDPOINTS_MAX, EndpointFigures, WebhookEnd};
use offload_stores::{Attempt, DeliveryState};
use parking_lot::Mutex;
use url::Url;

/// The endpoints that were called last.
pub(super) struct EndpointLog(Mutex<LruCache<String, EndpointFigures>>);

impl Default for EndpointLog {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(NonZeroUsize::new(ENDPOINTS_MAX).unwrap_or(NonZeroUsize::MIN))))
    }
}

impl EndpointLog {
    /// Counts an attempt at a webhook. Of its URL the origin is kept: a path may have a secret in
    /// it.
    pub(super) fn count(&self, url: &str, state: DeliveryState, attempt: &Attempt, now: DateTime<Utc>) {
        let Ok(url) = Url::parse(url) else { return };
        let why = attempt.error.as_deref().unwrap_or("the receiver wants no more");
        let end = match state {
            DeliveryState::Delivered => WebhookEnd::Delivered,
            DeliveryState::Retrying => WebhookEnd::Failed(why),
            DeliveryState::Gone | DeliveryState::GivenUp => WebhookEnd::GivenUp(why),
        };
        let took = attempt.status.map(|_| u32::try_from(attempt.duration_ms).unwrap_or(u32::MAX));
        let mut endpoints = self.0.lock();
        let origin = url.origin().ascii_serialization();
        let figures = endpoints.get_or_insert_mut(origin.clone(), || EndpointFigures::new(origin, now));
        figures.count(end, took, now);
    }

    /// What is known of them; `open` says how long the circuit of one stays open, if it is.
    pub(super) fn report(&self, now: DateTime<Utc>, open: impl Fn(&str) -> Option<Duration>) -> Vec<EndpointFigures> {
        let until = |origin: &str| open(origin).map(|wait| now + TimeDelta::from_std(wait).unwrap_or_default());
        let endpoints = self.0.lock();
        endpoints
            .iter()
            .map(|(origin, figures)| EndpointFigures { open_until: until(origin), ..figures.clone() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_kept_without_the_path_of_its_url_and_the_oldest_is_forgotten() {
        let now = DateTime::UNIX_EPOCH;
        let log = EndpointLog::default();
        let attempt = Attempt { at: now, status: Some(500), error: Some("answered 500".to_owned()), duration_ms: 7 };
        for n in 0..=ENDPOINTS_MAX {
            log.count(&format!("https://{n}.example/secret?s=1"), DeliveryState::Retrying, &attempt, now);
        }
        let report = log.report(now, |origin| (origin == "https://3.example").then_some(Duration::from_secs(9)));
        assert_eq!(report.len(), ENDPOINTS_MAX);
        assert!(report.iter().all(|e| !format!("{e:?}").contains("secret") && e.endpoint != "https://0.example"));
        let open: Vec<_> = report.iter().filter_map(|e| e.open_until).collect();
        assert_eq!(open, [now + TimeDelta::seconds(9)]);
    }
}
