//! The service times of an estimate: a configured guess, a history, or a mixture of both while the
//! history is short.

use super::{Basis, Z90};
use crate::history::History;

/// From this many orders on, the configured guess has no weight.
const ENOUGH: u8 = 5;

/// The service times of recent orders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServiceTimes {
    /// How many orders they are measured from; 0 for a configured guess.
    pub count: u64,
    /// Seconds, times attempts per order.
    pub mean: f64,
    /// Squared coefficient of variation.
    pub cv2: f64,
    /// 10th percentile, seconds.
    pub p10: f64,
    /// Median, seconds.
    pub p50: f64,
    /// 90th percentile, seconds.
    pub p90: f64,
}

impl ServiceTimes {
    /// A log-normal guess for a service without history. Guess low: a tenfold overestimate costs a
    /// client the whole of it as delay, a threefold underestimate costs two or three polls.
    #[must_use]
    pub fn configured(mean_seconds: f64) -> Self {
        Self::log_normal(mean_seconds, 0.25)
    }

    /// The log-normal distribution with this mean and squared coefficient of variation.
    #[must_use]
    pub fn log_normal(mean: f64, cv2: f64) -> Self {
        let sigma = cv2.ln_1p().sqrt();
        let p50 = mean / (1.0 + cv2).sqrt();
        Self { count: 0, mean, cv2, p10: p50 * (-Z90 * sigma).exp(), p50, p90: p50 * (Z90 * sigma).exp() }
    }

    /// The times in the history, mixed with `guess` while it is short: each of the first five
    /// orders replaces a fifth of the guess.
    #[must_use]
    pub fn known(history: &History, guess: Self) -> Self {
        let measured = Self::from(history);
        let share = (history.count() / f64::from(ENOUGH)).min(1.0);
        let mix = |measured: f64, guess: f64| guess + share * (measured - guess);
        Self {
            count: measured.count,
            mean: mix(measured.mean, guess.mean),
            cv2: mix(measured.cv2, guess.cv2),
            p10: mix(measured.p10, guess.p10),
            p50: mix(measured.p50, guess.p50),
            p90: mix(measured.p90, guess.p90),
        }
    }

    /// What [`known`](Self::known) is based on with this history.
    #[must_use]
    pub fn basis(history: &History) -> Basis {
        if history.count() >= f64::from(ENOUGH) { Basis::Measured } else { Basis::Configured }
    }
}

impl From<&History> for ServiceTimes {
    /// The times in the history; all zeros if it is empty.
    fn from(history: &History) -> Self {
        let now = history.summary();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count; `as` saturates")]
        let count = now.count.round() as u64;
        let [p10, p50, p90] = now.window();
        Self { count, mean: now.mean * now.attempts_per_order, cv2: now.cv2, p10, p50, p90 }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn each_order_replaces_a_part_of_the_guess() {
        let (mut history, guess) = (History::default(), ServiceTimes::configured(2.0));
        assert_eq!(ServiceTimes::known(&history, guess), guess);
        assert_eq!(ServiceTimes::basis(&history), Basis::Configured);
        let mut last = 2.0;
        for _ in 0..5 {
            history.record(20.0, 1, DateTime::UNIX_EPOCH);
            let now = ServiceTimes::known(&history, guess).mean;
            assert!(now > last);
            last = now;
        }
        assert!((last - 20.0).abs() < 1e-6);
        assert_eq!(ServiceTimes::basis(&history), Basis::Measured);
    }

    #[test]
    fn attempts_lengthen_the_queue_and_not_the_order_itself() {
        let mut history = History::default();
        for _ in 0..100 {
            history.record(10.0, 2, DateTime::UNIX_EPOCH);
        }
        let times = ServiceTimes::from(&history);
        assert!((times.mean - 20.0).abs() < 1e-6, "{times:?}");
        assert!((times.p50 - 10.0).abs() < 0.5, "{times:?}");
    }
}
