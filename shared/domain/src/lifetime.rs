//! How long a presigned URL works. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use std::{ops::RangeInclusive, time::Duration};

use crate::status::EtaWindow;

/// The longest `X-Amz-Expires` that S3 accepts: seven days.
pub const MAX_PRESIGN: Duration = Duration::from_secs(604_800);

/// How long a status URL made at `now` should work for an order that is expected in this window, or
/// has ended (`None`), within `bounds`.
///
/// It is twice the time that the order takes at its 99th percentile. It is no longer, because
/// anyone who has the URL can read the status.
#[must_use]
pub fn status_url_ttl(expected: Option<&EtaWindow>, now: DateTime<Utc>, bounds: &RangeInclusive<Duration>) -> Duration {
    // For a normal tail the 99th percentile is 2.33 / 1.28 = 1.82 times as far from the median as
    // the 90th.
    let p99 =
        expected.map_or(0.0, |w| (w.at - now).as_seconds_f64() + 1.82 * (w.latest_at - w.at).as_seconds_f64().max(0.0));
    let ttl = Duration::try_from_secs_f64(2.0 * p99.max(0.0)).unwrap_or(MAX_PRESIGN);
    ttl.clamp(*bounds.start(), (*bounds.end()).max(*bounds.start()))
}

/// The `X-Amz-Expires` to sign with, and the time at which the URL expires.
///
/// A presigned URL expires with the credentials that signed it, so the time is the earlier of the
/// two. Credentials without a known expiry (a user's keys) never shorten it.
#[must_use]
pub fn presign(now: DateTime<Utc>, ttl: Duration, credentials_end: Option<DateTime<Utc>>) -> (Duration, DateTime<Utc>) {
    let ttl = ttl.clamp(Duration::from_secs(1), MAX_PRESIGN);
    // S3 counts in whole seconds from X-Amz-Date, which has no fraction.
    let ttl = Duration::from_secs(ttl.as_secs());
    let signed_at = DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now);
    let by_ttl = signed_at + TimeDelta::from_std(ttl).unwrap_or(TimeDelta::seconds(1));
    (ttl, credentials_end.map_or(by_ttl, |end| end.min(by_ttl)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_never_stated_to_outlive_its_credentials() {
        let now = DateTime::from_timestamp(1_000, 700_000_000).unwrap();
        let end = DateTime::from_timestamp(1_060, 0).unwrap();
        assert_eq!(presign(now, Duration::from_secs(600), Some(end)).1, end);
        assert_eq!(presign(now, Duration::from_secs(30), Some(end)).1.timestamp(), 1_030);
        assert_eq!(presign(now, Duration::from_secs(30), None).1.timestamp(), 1_030);
    }

    #[test]
    fn a_url_outlives_its_order_and_not_much_more() {
        let bounds = Duration::from_secs(900)..=Duration::from_secs(43_200);
        let now = DateTime::UNIX_EPOCH;
        let ttl = |p50, p90| {
            let at = |s| now + TimeDelta::seconds(s);
            let window = EtaWindow { at: at(p50), earliest_at: now, latest_at: at(p90) };
            status_url_ttl(Some(&window), now, &bounds).as_secs()
        };
        assert_eq!(ttl(2, 4), 900);
        assert_eq!(ttl(1_000, 1_100), 2_364);
        assert_eq!(ttl(1_000_000_000, 2_000_000_000), 43_200);
        assert_eq!(ttl(-500, -400), 900, "overdue");
        assert_eq!(status_url_ttl(None, now, &bounds).as_secs(), 900);
    }

    #[test]
    fn a_lifetime_is_one_that_s3_accepts() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(presign(now, Duration::from_millis(1_900), None).0, Duration::from_secs(1));
        assert_eq!(presign(now, Duration::ZERO, None).0, Duration::from_secs(1));
        assert_eq!(presign(now, Duration::from_secs(9_999_999), None).0, MAX_PRESIGN);
    }
}
