//! When a lease ends.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// `now` and a term later.
pub(crate) fn end(now: DateTime<Utc>, term: Duration) -> DateTime<Utc> {
    now + TimeDelta::from_std(term).unwrap_or(TimeDelta::seconds(30))
}
