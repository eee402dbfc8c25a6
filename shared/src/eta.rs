//! The estimator: when will an order be done, seen from the moment that it is accepted? Pure.
//!
//! The formulas come from simulating M/M/c queues with log-normal and deterministic service, stale and approximate SQS
//! counts, duplicates and retries; symbols as there: `N` visible, `F` in flight, `c` concurrency, `s` mean service
//! time, `cv2` its squared coefficient of variation, `S_q` its quantiles.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::status::EtaWindow;

/// The standard normal quantile of 0.9.
const Z90: f64 = 1.2816;

/// SQS's counts are about this old in effect, in seconds.
const COUNTS_AGE: f64 = 3.0;

/// The service times of recent orders.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ServiceTimes {
    /// How many orders it rests on; 0 for a configured guess.
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
    /// A log-normal guess for a service without history. Guess low: a tenfold overestimate costs all its delay, a
    /// threefold underestimate two or three polls.
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
}

/// What is known of the queue when an order is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct QueueState {
    /// Messages waiting, by SQS.
    pub visible: f64,
    /// Messages being worked on, by SQS.
    pub in_flight: f64,
    /// Orders accepted in the last 3 s, as far as this process knows.
    pub accepted_3s: f64,
    /// Orders finished in the last 3 s, as far as this process knows.
    pub finished_3s: f64,
}

/// Seconds from now until the order is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// 10th percentile.
    pub p10: f64,
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
}

/// What an estimate rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The configured service time: there is no history yet.
    Configured,
    /// The service times of recent orders.
    Measured,
}

/// The estimate for an order that joins this queue now, with `concurrency` workers. Every input may be zero; none may
/// be negative.
#[must_use]
pub fn estimate(queue: &QueueState, times: &ServiceTimes, concurrency: f64) -> Estimate {
    let (n, f) = (queue.visible, queue.in_flight);
    let (c, s, cv2) = (concurrency.max(1.0), times.mean.max(1e-3), times.cv2);
    let joined = n + f.min(c) + queue.accepted_3s;
    let left = if n > 0.0 { COUNTS_AGE * c / s } else { queue.finished_3s };
    let m = joined - left.min(joined);
    let residual = ((1.0 + cv2) / 2.0).max(0.5);
    let a = (m - c + if c > 1.0 { residual.min(1.0) } else { residual }).max(0.0);
    let wait = a * s / c;
    let variance = cv2 * a + a.min(c) / 4.0 + count_variance(queue, c, s) + m * m * cv2 / history_weight(times.count);
    let spread = s / c * variance.sqrt();
    let median = wait + times.p50;
    let reach = |quantile: f64| ((quantile - times.p50).powi(2) + (Z90 * spread).powi(2)).sqrt();
    Estimate {
        p10: times.p10.max(median - reach(times.p10)),
        p50: median,
        p90: times.p90.max(median + reach(times.p90)),
    }
}

/// How far SQS's approximate and late counts may be off, squared.
fn count_variance(queue: &QueueState, c: f64, s: f64) -> f64 {
    let m0 = queue.visible + queue.in_flight.min(c);
    let moved = queue.accepted_3s + queue.finished_3s;
    let flow = (COUNTS_AGE * c / s).min(moved);
    0.6 * (queue.accepted_3s + flow) + (0.03 * m0).powi(2) + (0.385 * (moved - flow)).powi(2)
}

#[expect(clippy::cast_precision_loss, reason = "clamped to 1,000 first")]
fn history_weight(count: u64) -> f64 {
    count.clamp(5, 1_000) as f64
}

/// The estimate for an order that a worker has just started: no more waiting.
#[must_use]
pub fn started(times: &ServiceTimes) -> Estimate {
    Estimate { p10: times.p10, p50: times.p50, p90: times.p90 }
}

/// The estimate from the work's own progress, `elapsed` seconds after its start: what is left takes as long for each
/// percent as what is done did, give or take 10 %. `None` below 5 %, where the ratio says little.
#[must_use]
pub fn finish_hint(elapsed: f64, percent: u8) -> Option<Estimate> {
    if percent < 5 {
        return None;
    }
    let left = elapsed.max(0.0) * f64::from(100 - percent.min(100)) / f64::from(percent.min(100));
    Some(Estimate { p10: left * 0.9, p50: left, p90: left * 1.1 })
}

impl Estimate {
    /// The same, `seconds` later.
    #[must_use]
    pub fn delayed(self, seconds: f64) -> Self {
        Self { p10: self.p10 + seconds, p50: self.p50 + seconds, p90: self.p90 + seconds }
    }

    /// As absolute times, for an estimate made at `now`.
    #[must_use]
    pub fn window(&self, now: DateTime<Utc>) -> EtaWindow {
        let at = |seconds: f64| {
            // Ten years bound it: `as` would saturate to a time that chrono cannot hold.
            #[expect(clippy::cast_possible_truncation, reason = "bounded to ten years of milliseconds")]
            let ms = (seconds.clamp(0.0, 315_360_000.0) * 1_000.0).round() as i64;
            now + TimeDelta::milliseconds(ms)
        };
        EtaWindow { at: at(self.p50), earliest_at: at(self.p10), latest_at: at(self.p90) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_idle_service_takes_its_service_time() {
        let e = estimate(&QueueState::default(), &ServiceTimes::configured(10.0), 10.0);
        assert!((e.p50 - 8.94).abs() < 0.1, "{e:?}");
        assert!(e.p10 < e.p50 && e.p50 < e.p90);
    }

    #[test]
    fn a_full_queue_takes_its_turn() {
        let queue = QueueState { visible: 1_000.0, in_flight: 10.0, ..QueueState::default() };
        let times = ServiceTimes { count: 1_000, ..ServiceTimes::log_normal(2.0, 0.25) };
        let e = estimate(&queue, &times, 10.0);
        // 1,000 orders of 2 s by ten workers take 200 s, less the 15 that leave while the counts arrive.
        assert!((e.p50 - 199.0).abs() < 5.0, "{e:?}");
        assert!(e.p90 - e.p10 < 60.0, "{e:?}");
    }

    #[test]
    fn progress_tells_the_finish() {
        assert_eq!(finish_hint(10.0, 4), None);
        let e = finish_hint(10.0, 50).unwrap();
        assert!((e.p50 - 10.0).abs() < 1e-9 && e.p10 < e.p50 && e.p50 < e.p90);
        assert!(finish_hint(10.0, 100).unwrap().p90 < 1e-9);
    }

    proptest! {
        #[test]
        fn an_estimate_is_finite_and_in_order(
            visible in 0.0f64..1e7, in_flight in 0.0f64..1e5, accepted_3s in 0.0f64..1e5, finished_3s in 0.0f64..1e5,
            count in 0u64..100_000, mean in 0.0f64..1e5, cv2 in 0.0f64..100.0, c in 0.0f64..1e5,
        ) {
            let times = ServiceTimes { count, ..ServiceTimes::log_normal(mean, cv2) };
            let e = estimate(&QueueState { visible, in_flight, accepted_3s, finished_3s }, &times, c);
            prop_assert!(e.p10 >= 0.0 && e.p10 <= e.p50 && e.p50 <= e.p90 && e.p90.is_finite(), "{:?}", e);
            let w = e.window(DateTime::UNIX_EPOCH);
            prop_assert!(w.earliest_at <= w.at && w.at <= w.latest_at);
        }

        #[test]
        fn more_waiting_orders_never_make_it_sooner(visible in 0.0f64..1e6, more in 0.0f64..1e6, c in 1.0f64..1e3) {
            let times = ServiceTimes::configured(3.0);
            let at = |visible| estimate(&QueueState { visible, in_flight: c, ..QueueState::default() }, &times, c).p50;
            // An empty queue is told by what has finished, not by what can finish: there the two rules meet.
            prop_assume!(visible > 0.0);
            prop_assert!(at(visible + more) >= at(visible) - 1e-9);
        }
    }
}
