//! The estimator: how long will an order take that is accepted now? Pure.
//!
//! The order first waits in the queue and is then worked on, so its time is `W + S`. Let `M` be the
//! orders ahead of it, `c` the concurrency, `s` the mean service time (times attempts per order),
//! `cv2` its squared coefficient of variation, `S_q` its quantiles, and `n` the orders in the
//! history:
//!
//! ```text
//! a    = M - c + clamp((1 + cv2)/2, 0.5, 1)              orders to finish first; for c = 1 without the upper clamp,
//!                                                        the residual life of renewal theory
//! W    = max(0, a) * s / c                               or, while the concurrency grows, as in [`Concurrency`]
//! sw   = s/c * sqrt(cv2*max(0,a) + min(max(0,a), c)/4 + var_counts + M^2*cv2/clamp(n, 5, 1000))
//! p50  = W + S_50
//! p_q  = max(S_q, p50 ± sqrt((S_q - S_50)^2 + (z*sw)^2 + (0.01*p50)^2))
//! ```
//!
//! `sw^2` is the sum of four variances: the service times of the orders ahead, how far each worker
//! is with its current order, the error of the counts, and the error of `s`. After a long wait the
//! median of the sum is nearer to `W + s`. But `W` is the mean of a skewed distribution and errs as
//! far in the other direction: to correct only one of them made the simulated estimates worse.
//! [`QueueState`] describes how `M` is derived from SQS's late and approximate counts.
//! `bench/README.md` has the figures.

mod finish;
mod lane;
mod queue;
mod tenant;
mod times;
mod wait;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use finish::{finish_hint, started, worth_publishing};
pub use queue::{QueueState, unfinished};
pub use tenant::TenantQueue;
pub use times::ServiceTimes;
pub use wait::Concurrency;

use crate::status::EtaWindow;

/// The standard normal quantile of 0.9.
const Z90: f64 = 1.2816;

/// No window is narrower than this share of its median, on either side. Counts, clocks and the
/// delivery of messages are not more precise than this, and a client polls a narrower window again
/// and again.
const MODEL_ERROR: f64 = 0.01;

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

/// What an estimate is based on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The configured service time: there is no history yet.
    Configured,
    /// The service times of recent orders.
    Measured,
}

/// The estimate for an order that joins this queue now. `concurrency` is a number of orders at
/// once, or a [`Concurrency`] that grows. Every input may be zero; none may be negative.
#[must_use]
pub fn estimate(queue: &QueueState, times: &ServiceTimes, concurrency: impl Into<Concurrency>) -> Estimate {
    let concurrency = concurrency.into().valid();
    let (c, s, cv2) = (concurrency.now, times.mean.max(1e-3), times.cv2.max(0.0));
    let ahead = queue.ahead(c, s);
    let m = ahead.orders;
    let residual = ((1.0 + cv2) / 2.0).max(0.5);
    let a = (m - c + if c > 1.0 { residual.min(1.0) } else { residual }).max(0.0);
    let wait = concurrency.wait(a, s, cv2);
    let variance = cv2 * a + a.min(c) / 4.0 + ahead.variance + m * m * cv2 / history_weight(times.count);
    let sw2 = variance * concurrency.pace(wait, s, cv2).powi(2);
    let median = wait + times.p50;
    let reach =
        |quantile: f64| ((quantile - times.p50).powi(2) + Z90 * Z90 * sw2 + (MODEL_ERROR * median).powi(2)).sqrt();
    Estimate {
        p10: times.p10.max(median - reach(times.p10)).min(median),
        p50: median,
        p90: times.p90.max(median + reach(times.p90)),
    }
}

/// More than 1,000 orders do not make `s` better known. With fewer than five, the configured guess
/// is about as good as five.
#[expect(clippy::cast_precision_loss, reason = "clamped to 1,000 first")]
fn history_weight(count: u64) -> f64 {
    count.clamp(5, 1_000) as f64
}

impl Estimate {
    /// The same, but `seconds` later.
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
    fn a_full_queue_is_worked_off_first() {
        let queue = QueueState { visible: 1_000.0, in_flight: 10.0, ..QueueState::default() };
        let times = ServiceTimes { count: 1_000, ..ServiceTimes::log_normal(2.0, 0.25) };
        let e = estimate(&queue, &times, 10.0);
        // 1,000 orders of 2 s by ten workers take 200 s, less the 15 orders that leave while the
        // counts arrive.
        assert!((e.p50 - 199.0).abs() < 5.0, "{e:?}");
        assert!(e.p90 - e.p10 < 60.0, "{e:?}");
    }

    #[test]
    fn a_growing_pool_is_faster_than_a_fixed_one() {
        let queue = QueueState { visible: 1_000.0, in_flight: 5.0, ..QueueState::default() };
        let times = ServiceTimes::configured(10.0);
        let grows = estimate(&queue, &times, Concurrency { now: 5.0, ramp_per_s: 5.0, max: 1_000.0 }).p50;
        assert!(grows < estimate(&queue, &times, 5.0).p50 / 10.0, "{grows}");
        let bounded = estimate(&queue, &times, Concurrency { now: 5.0, ramp_per_s: 5.0, max: 10.0 }).p50;
        let full = estimate(&queue, &times, 10.0).p50;
        assert!((bounded - full).abs() < 0.1 * full, "{bounded} {full}");
    }

    proptest! {
        #[test]
        fn an_estimate_is_finite_and_ascending(
            visible in 0.0f64..1e7, in_flight in 0.0f64..1e5, accepted_3s in 0.0f64..1e5, finished_3s in 0.0f64..1e5, unfinished in 0.0f64..1e5, under_way in 0.0f64..1e4,
            exact_visible in proptest::option::of(0.0f64..1e7), exact_in_flight in proptest::option::of(0.0f64..1e5),
            count in 0u64..100_000, mean in 0.0f64..1e5, cv2 in 0.0f64..100.0,
            now in 0.0f64..1e5, ramp_per_s in 0.0f64..1e3, max in 0.0f64..1e5,
        ) {
            let times = ServiceTimes { count, ..ServiceTimes::log_normal(mean, cv2) };
            let queue =
                QueueState { visible, in_flight, accepted_3s, finished_3s, under_way, unfinished, exact_visible, exact_in_flight };
            let e = estimate(&queue, &times, Concurrency { now, ramp_per_s, max });
            prop_assert!(e.p10 >= 0.0 && e.p10 <= e.p50 && e.p50 <= e.p90 && e.p90.is_finite(), "{:?}", e);
            let w = e.window(DateTime::UNIX_EPOCH);
            prop_assert!(w.earliest_at <= w.at && w.at <= w.latest_at);
        }

        #[test]
        fn more_waiting_orders_never_make_it_sooner(visible in 0.0f64..1e6, more in 0.0f64..1e6, c in 1.0f64..1e3) {
            let times = ServiceTimes::configured(3.0);
            let at = |visible| estimate(&QueueState { visible, in_flight: c, ..QueueState::default() }, &times, c).p50;
            // For an empty queue the estimate uses the orders that finished, not those that can
            // finish.
            prop_assume!(visible > 0.0);
            prop_assert!(at(visible + more) >= at(visible) - 1e-9);
        }
    }
}
