//! Which answers of the api are worth another try, and after how long. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::{
    StatusCode,
    header::{HeaderMap, RETRY_AFTER},
};

/// Exponential growth from `base` to `max`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    base: Duration,
    max: Duration,
}

/// Tries of one request to the api, the first among them.
pub(crate) const TRIES: u32 = 5;
/// Waits between them, unless the api names one.
pub(crate) const API: Backoff = Backoff { base: Duration::from_millis(500), max: Duration::from_secs(8) };
/// Waits after looks that S3 did not answer.
pub(crate) const LOOK: Backoff = Backoff { base: Duration::from_millis(500), max: Duration::from_secs(10) };
/// Looks in a row without an answer, over about a minute, after which S3 counts as out of reach.
pub(crate) const UNANSWERED_MAX: u32 = 10;
/// The longest `Retry-After` that is obeyed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);

impl Backoff {
    /// The wait after the `failures`th failure in a row (from 1), half fixed and half by `random` in `[0, 1)`.
    pub(crate) fn delay(self, failures: u32, random: f64) -> Duration {
        let doubled = self.base.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(self.max);
        doubled.mul_f64(0.5 + 0.5 * random)
    }
}

/// Whether the same request may succeed a little later. Of the 4xx only 429, and a 409 that names the time to come back:
/// the service is still at work on an earlier try of ours, whose answer was lost.
pub(crate) fn is_passing(status: StatusCode, headers: &HeaderMap) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
        || status == StatusCode::CONFLICT && headers.contains_key(RETRY_AFTER)
}

/// The wait that an answer names, in seconds or as a date.
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
    fn a_named_wait_is_obeyed_within_reason() {
        let now = DateTime::parse_from_rfc2822("Fri, 20 Nov 2026 12:00:00 GMT").expect("a date").to_utc();
        for (value, wait) in
            [("7", Some(7)), ("86400", Some(30)), ("soon", None), ("Fri, 20 Nov 2026 12:00:05 GMT", Some(5))]
        {
            assert_eq!(retry_after(&headers(value), now), wait.map(Duration::from_secs), "{value}");
        }
    }

    #[test]
    fn only_what_passes_is_tried_again() {
        let none = HeaderMap::new();
        for status in [429, 502, 503, 504] {
            assert!(is_passing(StatusCode::from_u16(status).expect("a code"), &none));
        }
        for status in [400, 401, 403, 404, 409, 422, 500] {
            assert!(!is_passing(StatusCode::from_u16(status).expect("a code"), &none), "{status}");
        }
        assert!(is_passing(StatusCode::CONFLICT, &headers("1")));
    }

    #[test]
    fn waits_double_up_to_a_bound() {
        let waits: Vec<u64> = (1..8).map(|n| u64::try_from(API.delay(n, 1.0).as_millis()).expect("small")).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000]);
        assert_eq!(API.delay(1, 0.0), Duration::from_millis(250));
    }
}
