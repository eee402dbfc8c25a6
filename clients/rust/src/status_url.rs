//! The presigned URL of a status object, for as long as it works.

use chrono::{DateTime, Utc};

use crate::{receipt::Receipt, view::StatusView};

/// The current URL.
pub(crate) struct StatusUrl {
    url: Option<String>,
    expires_at: Option<DateTime<Utc>>,
    /// Whether its expiry can be trusted. A URL that had expired when it came is tried all the
    /// same: then the clocks are wrong.
    trusted: bool,
    /// Whether it was renewed, and S3 has not accepted it yet.
    unproven: bool,
}

impl StatusUrl {
    pub(crate) fn new(receipt: &Receipt) -> Self {
        let (url, expires_at) = (receipt.status_url.clone(), receipt.status_url_expires_at);
        Self { url, expires_at, trusted: true, unproven: false }
    }

    /// Takes the fresh URL of a view that came at `now` on the service's clock.
    pub(crate) fn renew(&mut self, view: &StatusView, now: DateTime<Utc>) {
        let (url, expires_at) = (view.status_url.clone(), view.status_url_expires_at);
        *self = Self { url, expires_at, trusted: expires_at.is_none_or(|at| now < at), unproven: true };
    }

    /// The URL; `None` if there is none, or it has expired at `now` on the service's clock: polls
    /// may be further apart than a URL lives.
    pub(crate) fn get(&self, now: DateTime<Utc>) -> Option<&str> {
        let expired = self.trusted && self.expires_at.is_some_and(|at| now >= at);
        self.url.as_deref().filter(|_| !expired)
    }

    /// Notes that S3 has accepted the URL.
    pub(crate) fn accepted(&mut self) {
        self.unproven = false;
    }

    /// Whether another fresh URL would be refused as well: S3 has accepted none since the last
    /// renewal, and the current one has not expired.
    pub(crate) fn is_hopeless(&self, now: DateTime<Utc>) -> bool {
        self.unproven && self.get(now).is_some()
    }
}
