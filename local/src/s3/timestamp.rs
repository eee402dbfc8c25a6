//! Between the stack's milliseconds and the timestamps of `s3s`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use s3s::dto::{Timestamp, TimestampFormat};

use crate::clock::Millis;

pub(super) fn timestamp(at: Millis) -> Timestamp {
    let at: SystemTime = UNIX_EPOCH + Duration::from_millis(u64::try_from(at).unwrap_or_default());
    Timestamp::from(at)
}

/// Whole seconds since the epoch, the precision of an HTTP date.
pub(super) fn seconds(at: &Timestamp) -> i64 {
    let mut text = Vec::new();
    if at.format(TimestampFormat::DateTime, &mut text).is_err() {
        return 0;
    }
    std::str::from_utf8(&text)
        .ok()
        .and_then(|text| chrono::DateTime::parse_from_rfc3339(text).ok())
        .map_or(0, |at| at.timestamp())
}
