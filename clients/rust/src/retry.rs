//! Which failures are worth another attempt, and after how long.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

/// A failed request that will be sent again: [`Builder::on_retry`](crate::Builder::on_retry) is
/// called with one before each wait.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Retry {
    /// What is sent again.
    pub request: RequestKind,
    /// How often it has failed in a row.
    pub failures: u32,
    /// How long until the next attempt.
    pub wait: Duration,
    /// Why it failed.
    pub reason: String,
}

/// The kind of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestKind {
    /// `POST /order`, to the api.
    Submit,
    /// `GET /order/{id}`, to the api.
    Status,
    /// `DELETE /order/{id}`, to the api.
    Cancel,
    /// A GET of the status object, to S3.
    Poll,
    /// A GET of the result, to S3.
    Result,
}

/// Called before each wait.
pub(crate) type OnRetry = Arc<dyn Fn(&Retry) + Send + Sync>;

/// Exponential growth from `base` to `max`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    base: Duration,
    max: Duration,
}

/// Attempts at one request, the first among them.
pub(crate) const ATTEMPTS: u32 = 5;
/// Waits between them, unless the api sends `Retry-After`.
pub(crate) const REQUEST_BACKOFF: Backoff = Backoff { base: Duration::from_millis(500), max: Duration::from_secs(8) };
/// Waits after polls that S3 did not respond to.
pub(crate) const POLL_BACKOFF: Backoff = Backoff { base: Duration::from_millis(500), max: Duration::from_secs(10) };
/// Failed polls in a row, over about a minute, after which S3 counts as unreachable.
pub(crate) const POLL_ATTEMPTS: u32 = 10;
/// Attempts to subscribe to one order's events, the first among them, before the schedule applies.
pub(crate) const SUBSCRIBE_ATTEMPTS: u32 = 2;
/// The wait before the second: up to the two seconds that the service asks for.
pub(crate) const RESUBSCRIBE_BACKOFF: Backoff = Backoff { base: Duration::from_secs(2), max: Duration::from_secs(2) };
/// The longest `Retry-After` that is obeyed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

impl Backoff {
    /// The wait after the `failures`th failure in a row (from 1), half of it fixed and half by
    /// `random` in `[0, 1)`.
    pub(crate) fn delay(self, failures: u32, random: f64) -> Duration {
        let doubled = self.base.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(self.max);
        doubled.mul_f64(0.5 + 0.5 * random)
    }
}

/// Whether the same request may succeed a little later. Of the 4xx only 429, and a 409 with
/// `Retry-After`: the service is still at work on an earlier attempt of ours, whose response was
/// lost.
pub(crate) fn is_retryable(status: StatusCode, headers: &HeaderMap) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
        || status == StatusCode::CONFLICT && headers.contains_key(RETRY_AFTER)
}

/// The wait in `Retry-After`, in seconds or until a date.
pub(crate) fn retry_after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now).to_std().unwrap_or_default(),
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))])
    }

    #[test]
    fn retry_after_is_obeyed_up_to_thirty_seconds() {
        let now = DateTime::parse_from_rfc2822("Fri, 20 Nov 2026 12:00:00 GMT").expect("a date").to_utc();
        for (value, wait) in
            [("7", Some(7)), ("86400", Some(30)), ("soon", None), ("Fri, 20 Nov 2026 12:00:05 GMT", Some(5))]
        {
            assert_eq!(retry_after(&headers(value), now), wait.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn only_transient_errors_are_retried() {
        let none = HeaderMap::new();
        for status in [429, 502, 503, 504] {
            assert!(is_retryable(StatusCode::from_u16(status).expect("a code"), &none));
        }
        for status in [400, 401, 403, 404, 409, 422, 500] {
            assert!(!is_retryable(StatusCode::from_u16(status).expect("a code"), &none), "{status}");
        }
        assert!(is_retryable(StatusCode::CONFLICT, &headers("1")));
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        let waits: Vec<u64> =
            (1..8).map(|n| u64::try_from(REQUEST_BACKOFF.delay(n, 1.0).as_millis()).expect("small")).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
        assert_eq!(REQUEST_BACKOFF.delay(1, 0.0), Duration::from_millis(250));
    }
}
