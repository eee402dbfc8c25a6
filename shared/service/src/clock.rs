//! The one place that reads the clock and the random source. Everything else takes values.

use chrono::{DateTime, Utc};
use offload_domain::time::to_millis;

/// Now, in whole milliseconds: the precision of every time that the service states or stores.
#[must_use]
pub fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "this is the clock; domain code takes the time as a parameter")]
    let now = Utc::now();
    to_millis(now)
}

/// A random number generator.
#[must_use]
pub fn random() -> impl rand::Rng {
    rand::rng()
}

/// A random number in `[0, 1)`, for jitter.
#[must_use]
pub fn unit_random() -> f64 {
    #[expect(clippy::disallowed_methods, reason = "this is the random source; domain code takes numbers as parameters")]
    rand::random::<f64>()
}
