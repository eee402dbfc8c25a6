//! How long a presigned URL may be said to work. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// The longest `X-Amz-Expires` that S3 takes: seven days.
pub const MAX_PRESIGN: Duration = Duration::from_secs(604_800);

/// The `X-Amz-Expires` to sign with, and the time until which the URL really works.
///
/// A presigned URL dies with the credentials that signed it, so the earlier of the two ends is stated. Credentials
/// without a known end (a user's keys) never shorten it.
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
    fn a_lifetime_is_one_that_s3_takes() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(presign(now, Duration::from_millis(1_900), None).0, Duration::from_secs(1));
        assert_eq!(presign(now, Duration::ZERO, None).0, Duration::from_secs(1));
        assert_eq!(presign(now, Duration::from_secs(9_999_999), None).0, MAX_PRESIGN);
    }
}
