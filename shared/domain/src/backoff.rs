//! How long to wait before the next attempt. Pure.

use std::time::Duration;

/// Exponential growth from `base` to `max`, with jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The wait after the first failure, before jitter.
    pub base: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl Backoff {
    /// The wait after the `failures`th failure in a row (from 1), with `random` in `[0, 1)`.
    ///
    /// Half of the wait is fixed and half is random ("equal jitter"). Callers that failed together
    /// retry apart, and none retries at once, as it may with full jitter.
    #[must_use]
    pub fn delay(&self, failures: u32, random: f64) -> Duration {
        let doubled = self.base.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(self.max);
        doubled.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_wait_grows_and_stays_within_its_bounds(failures in 1u32..100, random in 0.0f64..1.0) {
            let b = Backoff { base: Duration::from_secs(2), max: Duration::from_secs(900) };
            let d = b.delay(failures, random);
            prop_assert!(d >= Duration::from_secs(1) && d <= Duration::from_secs(900));
            prop_assert!(b.delay(failures + 1, 0.0) >= b.delay(failures, 0.0));
        }
    }
}
