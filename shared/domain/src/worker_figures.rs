//! What a worker reports for operators, beside what estimates need: how orders ended, and how
//! webhooks fared. Pure.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    minutes::Minutes,
    order::OrderRecord,
    status::{EtaWindow, Status},
};

/// Endpoints that one worker reports: those that were called last.
pub const ENDPOINTS_MAX: usize = 20;
/// Latest durations that are kept of an endpoint.
const DURATIONS_MAX: usize = 50;
/// Clients that know no schedule poll so often, in seconds: what is compared with.
pub const FIXED_POLL_SECONDS: f64 = 5.0;

/// What one worker has done in the last hour, and what it does now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerFigures {
    /// Its version.
    pub version: String,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// Orders that it works on.
    pub running: u32,
    /// Orders that it saw completed.
    pub completed: Minutes,
    /// Orders that it saw failed.
    pub failed: Minutes,
    /// Orders that it saw cancelled.
    pub cancelled: Minutes,
    /// Orders that ended before the 90th percentile of the estimate that was published last.
    pub before_p90: Minutes,
    /// Orders that had such an estimate.
    pub estimated: Minutes,
    /// The polls of clients that poll every [`FIXED_POLL_SECONDS`] from an order's start to its
    /// end.
    pub fixed_polls: Minutes,
    /// The endpoints of webhooks that it called last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub endpoints: Vec<EndpointFigures>,
}

impl WorkerFigures {
    /// Counts an order that has ended, at `now`, and that was expected in this window.
    pub fn ended(&mut self, record: &OrderRecord, expected: Option<EtaWindow>, now: DateTime<Utc>) {
        let state = &record.state;
        match state.status {
            Status::Completed => self.completed.add(1.0, now),
            Status::Failed => self.failed.add(1.0, now),
            Status::Cancelled => self.cancelled.add(1.0, now),
            Status::Pending | Status::Processing => return,
        }
        let ended = state.finished_at.unwrap_or(now);
        let took = (ended - record.order.created_at).as_seconds_f64().max(0.0);
        self.fixed_polls.add((took / FIXED_POLL_SECONDS).ceil().max(1.0), now);
        if let Some(eta) = expected.filter(|_| state.status == Status::Completed) {
            self.estimated.add(1.0, now);
            self.before_p90.add(f64::from(u8::from(ended <= eta.latest_at)), now);
        }
    }
}

/// How the webhooks of one endpoint fared at one worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EndpointFigures {
    /// Scheme, host and port.
    pub endpoint: String,
    /// Events that it took.
    pub delivered: Minutes,
    /// Attempts that failed.
    pub failed: Minutes,
    /// Events that are not tried again.
    pub given_up: Minutes,
    /// How long its last answers took, in milliseconds.
    pub durations_ms: VecDeque<u32>,
    /// Until when nothing is sent to it, if its circuit is open.
    pub open_until: Option<DateTime<Utc>>,
    /// When it was called last.
    pub last_at: DateTime<Utc>,
    /// Why its last attempt failed, if it did.
    pub last_error: Option<String>,
}

/// How an attempt at a webhook ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookEnd<'a> {
    /// The endpoint took it.
    Delivered,
    /// It is tried again.
    Failed(&'a str),
    /// It is not tried again.
    GivenUp(&'a str),
}

impl EndpointFigures {
    /// Nothing yet.
    #[must_use]
    pub fn new(endpoint: String, now: DateTime<Utc>) -> Self {
        Self {
            endpoint,
            delivered: Minutes::default(),
            failed: Minutes::default(),
            given_up: Minutes::default(),
            durations_ms: VecDeque::new(),
            open_until: None,
            last_at: now,
            last_error: None,
        }
    }

    /// Counts an attempt; `took_ms` if there was an answer.
    pub fn count(&mut self, end: WebhookEnd<'_>, took_ms: Option<u32>, now: DateTime<Utc>) {
        self.last_at = now;
        self.last_error = match end {
            WebhookEnd::Delivered => None,
            WebhookEnd::Failed(why) | WebhookEnd::GivenUp(why) => Some(why.to_owned()),
        };
        match end {
            WebhookEnd::Delivered => self.delivered.add(1.0, now),
            WebhookEnd::Failed(_) => self.failed.add(1.0, now),
            WebhookEnd::GivenUp(_) => {
                self.failed.add(1.0, now);
                self.given_up.add(1.0, now);
            }
        }
        self.durations_ms.extend(took_ms);
        if self.durations_ms.len() > DURATIONS_MAX {
            self.durations_ms.pop_front();
        }
    }
}

/// The quantile of some durations, by the nearest rank; `None` without any.
#[must_use]
pub fn quantile(sorted: &[u32], share: f64) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a short list")]
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{fixtures, transition::Transition};

    #[test]
    fn an_end_is_counted_by_what_it_was_and_by_what_was_said_of_it() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(9);
        let mut record = fixtures::record(now - TimeDelta::seconds(12));
        let mut figures = WorkerFigures::default();
        figures.ended(&record, None, now);
        assert_eq!(figures, WorkerFigures::default(), "it has not ended");
        record.state = record.state.apply(Transition::Start { eta: None, poll_after_ms: None }, now).unwrap();
        record.state = record.state.apply(Transition::Complete { result: None }, now).unwrap();
        for late in [true, false] {
            let at = now + TimeDelta::seconds(if late { -1 } else { 1 });
            figures.ended(&record, Some(EtaWindow { at, earliest_at: at, latest_at: at }), now);
        }
        let last = |minutes: &Minutes| minutes.series(now)[59];
        let WorkerFigures { completed, failed, before_p90, estimated, fixed_polls, .. } = &figures;
        assert_eq!([completed, failed, estimated, before_p90, fixed_polls].map(last), [2.0, 0.0, 2.0, 1.0, 6.0]);
    }

    #[test]
    fn an_endpoint_has_its_counts_and_its_last_durations() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(9);
        let mut figures = EndpointFigures::new("https://shop.example".to_owned(), now);
        for ms in 0..60 {
            figures.count(WebhookEnd::Delivered, Some(ms), now);
        }
        figures.count(WebhookEnd::GivenUp("answered 500"), None, now);
        let durations: Vec<u32> = figures.durations_ms.iter().copied().collect();
        assert_eq!((durations.len(), durations[0]), (50, 10));
        assert_eq!(
            (quantile(&durations, 0.5), quantile(&durations, 0.99), quantile(&[], 0.5)),
            (Some(34), Some(59), None)
        );
        assert_eq!(figures.last_error.as_deref(), Some("answered 500"));
    }
}
