//! The service times of recent orders. They survive restarts, merge across workers and fade. Pure:
//! the time is a parameter.
//!
//! There are two sketches of the same orders. The **long** one covers about the last 1,000 and
//! gives the precision that the waiting time of a queue needs. The **short** one covers about the
//! last two minutes and checks the long one: where they differ by more than chance allows, the
//! short one is used and replaces the long one. So a change of speed is noticed within minutes,
//! where a thousand orders may take hours, and a steady service is still known to 3 %. One fading
//! sketch alone would be either slow or imprecise.
//!
//! A `Sketch` is a histogram with logarithmic buckets and fading weights, not one of the sketch
//! crates. Its merge is an addition, so it is commutative and associative (that of a t-digest is
//! not). It fades by a multiplication (a KLL or DDSketch crate gives no access to its weights). It
//! takes 150 lines. Its quantiles are off by 4 % at most.
//!
//! As JSON it takes 1 KB for log-normal times with a coefficient of variation of 1, and at most 6
//! KB: it fits one item.

mod fleet;
mod sketch;
mod tenants;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use fleet::{Fleet, REPORT_TTL, WorkerReport};
pub use sketch::Summary;
use sketch::{Fading, Sketch};
pub use tenants::{StartedTenants, TenantStart, TenantStarts};

/// The last 1,000 orders of a worker, or those of some days where they are fewer: a quiet night
/// must not erase the history.
const LONG: Fading = Fading { half_life_s: 86_400.0, at_most: 1_000.0, at_least: 0.0 };

/// The last minutes, or the last four orders where they are fewer.
const SHORT: Fading = Fading { half_life_s: 60.0, at_most: f64::INFINITY, at_least: 4.0 };

/// The short sketch contradicts the long one where their mean logarithms differ by more than this
/// (a third) plus this many standard errors. Smaller changes reach the long sketch soon enough.
const CONTRADICTION: (f64, f64) = (0.3, 3.5);

/// A short sketch of fewer orders contradicts nothing.
const CONTRADICTION_MIN_ORDERS: f64 = 3.0;

/// The share of the latest orders in the short sketch at which it represents the service.
///
/// It is a third while orders end at a steady pace. It is higher at the start of a burst, when only
/// short orders can have ended, and lower after a burst, when only long ones are left.
const STEADY: std::ops::RangeInclusive<f64> = 0.2..=0.45;

/// The service times that one worker, or several, measured.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct History {
    long: Sketch,
    short: Sketch,
}

impl History {
    /// Adds an order that ended at `now`: the seconds that its last attempt kept a permit, from its
    /// delivery to its published end, and the number of that attempt, from 1.
    pub fn record(&mut self, seconds: f64, attempts: u32, now: DateTime<Utc>) {
        self.long.record(seconds, attempts, now, LONG);
        self.short.record(seconds, attempts, now, SHORT);
        if self.has_changed() {
            self.long = self.short.clone();
        }
    }

    /// Both together. Order and grouping of merges change the result only by rounding.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        Self { long: self.long.merge(&other.long, LONG), short: self.short.merge(&other.short, SHORT) }
    }

    /// The service times of the present.
    #[must_use]
    pub fn summary(&self) -> Summary<'_> {
        if self.has_changed() { self.short.summary() } else { self.long.summary() }
    }

    /// How many orders it covers. Faded ones count in part.
    #[must_use]
    pub fn count(&self) -> f64 {
        self.long.summary().count
    }

    /// The same at `share` of its weight.
    fn at_share(&self, share: f64) -> Self {
        Self { long: self.long.at_share(share), short: self.short.at_share(share) }
    }

    /// Whether the last minutes contradict the time before.
    fn has_changed(&self) -> bool {
        let (now, before) = (self.short.summary(), self.long.summary());
        let chance = CONTRADICTION.1 * before.log_deviation.max(sketch::RESOLUTION) / now.count.max(1.0).sqrt();
        let differ = (now.log_mean - before.log_mean).abs() > CONTRADICTION.0 + chance;
        differ && now.count >= CONTRADICTION_MIN_ORDERS && STEADY.contains(&now.latest)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: f64) -> DateTime<Utc> {
        #[expect(clippy::cast_possible_truncation, reason = "small numbers of a test")]
        let ms = (seconds * 1e3) as i64;
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
    }

    /// Numbers from 0 to 1 that fill that range evenly: a golden-ratio sequence.
    fn even(i: u32) -> f64 {
        (f64::from(i) * 0.618_033_988_749_895).fract()
    }

    fn service(history: &mut History, from: f64, orders: u32, every: f64, mean: f64) {
        for i in 0..orders {
            history.record(mean * (0.5 + even(i)), 1, at(from + f64::from(i) * every));
        }
    }

    #[test]
    fn a_faster_service_is_noticed_within_minutes() {
        // From one order a minute to 20 a second, and the minutes that it may take.
        for (every, minutes) in [(60.0, 10.0), (10.0, 4.0), (1.0, 4.0), (0.05, 4.0)] {
            let mut history = History::default();
            service(&mut history, 0.0, 3_000, every, 30.0);
            let change = 3_000.0 * every;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small numbers of a test")]
            let orders = (minutes * 60.0 / every) as u32;
            service(&mut history, change, orders, every, 10.0);
            let now = history.summary();
            assert!((now.quantile(0.5) - 10.0).abs() < 2.5, "{every}: median {}", now.quantile(0.5));
            assert!(now.mean < 15.0, "{every}: mean {}", now.mean);
        }
    }

    #[test]
    fn a_steady_service_is_known_by_its_last_thousand_orders() {
        let mut history = History::default();
        service(&mut history, 0.0, 20_000, 1.0, 10.0);
        assert!(history.summary().count > 900.0, "{}", history.summary().count);
        assert!((history.summary().mean - 10.0).abs() < 0.3);
    }

    #[test]
    fn a_quiet_weekend_erases_nothing() {
        let mut history = History::default();
        service(&mut history, 0.0, 1_000, 1.0, 10.0);
        let mut fresh = History::default();
        fresh.record(10.0, 1, at(3.0 * 86_400.0));
        let together = history.merge(&fresh);
        assert!(together.count() > 50.0, "{}", together.count());
    }

    #[test]
    fn a_history_fits_one_item() {
        let (mut narrow, mut wide) = (History::default(), History::default());
        for i in 0..5_000 {
            // From a millisecond to twelve hours, evenly by logarithm.
            wide.record(1e-3 * (even(i) * 17.58).exp(), 1, at(f64::from(i) * 1e-3));
            // Twelve uniform numbers make a normal one.
            let z: f64 = (0..12).map(|k| even(i * 12 + k * k)).sum::<f64>() - 6.0;
            narrow.record(10.0 * (0.83 * z).exp(), 1, at(f64::from(i)));
        }
        let size = |h: &History| serde_json::to_string(h).unwrap().len();
        assert!(size(&narrow) < 2_048, "{}", size(&narrow));
        assert!(size(&wide) < 6_144, "{}", size(&wide));
    }

    #[test]
    fn a_history_survives_storage() {
        let mut history = History::default();
        service(&mut history, 0.0, 700, 0.7, 12.0);
        let back: History = serde_json::from_str(&serde_json::to_string(&history).unwrap()).unwrap();
        let (a, b) = (history.summary(), back.summary());
        assert!((a.mean - b.mean).abs() < 1e-3 && (a.count - b.count).abs() < 1e-3);
        for q in [0.1, 0.5, 0.9] {
            assert!((a.quantile(q) / b.quantile(q) - 1.0).abs() < 0.01);
        }
    }

    fn recorded(times: &[(f64, f64)]) -> History {
        let mut history = History::default();
        let mut now = 0.0;
        for &(pause, seconds) in times {
            now += pause;
            history.record(seconds, 1, at(now));
        }
        history
    }

    fn alike(a: &History, b: &History) -> bool {
        let near = |x: f64, y: f64| (x - y).abs() <= 1e-3 * x.abs().max(y.abs()) + 1e-6;
        [(&a.long, &b.long), (&a.short, &b.short)].into_iter().all(|(a, b)| {
            let (a, b) = (a.summary(), b.summary());
            near(a.count, b.count) && near(a.mean, b.mean) && (a.cv2 - b.cv2).abs() < 1e-3 * (1.0 + a.cv2)
        })
    }

    proptest! {
        #[test]
        fn workers_merge_in_any_order(
            a in prop::collection::vec((0.0f64..100.0, 0.01f64..1e3), 0..40),
            b in prop::collection::vec((0.0f64..100.0, 0.01f64..1e3), 0..40),
            c in prop::collection::vec((0.0f64..100.0, 0.01f64..1e3), 0..40),
        ) {
            let (a, b, c) = (recorded(&a), recorded(&b), recorded(&c));
            prop_assert!(alike(&a.merge(&b), &b.merge(&a)));
            prop_assert!(alike(&a.merge(&b).merge(&c), &a.merge(&b.merge(&c))));
            prop_assert!(alike(&a.merge(&History::default()), &a));
        }

        #[test]
        fn a_quantile_is_off_by_four_percent_at_most(
            times in prop::collection::vec(0.002f64..1e4, 1..300), level in 0.0f64..1.0,
        ) {
            let mut sketch = Sketch::default();
            for &t in &times {
                sketch.record(t, 1, at(0.0), LONG);
            }
            let mut sorted = times.clone();
            sorted.sort_by(f64::total_cmp);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index")]
            let rank = (level * sorted.len() as f64) as usize;
            let last = sorted.len() - 1;
            let q = sketch.summary().quantile(level);
            // Either neighbour's rank will do: weights are rounded.
            let (lo, hi) = (sorted[rank.saturating_sub(1).min(last)], sorted[(rank + 1).min(last)]);
            prop_assert!(q >= lo / 1.041 && q <= hi * 1.041, "{} not in {}..{}", q, lo, hi);
        }

        #[test]
        fn any_time_gives_sound_figures(times in prop::collection::vec(prop::num::f64::ANY, 1..50), attempts in 0u32..100) {
            let mut history = History::default();
            for (i, &t) in times.iter().enumerate() {
                history.record(t, attempts, at(f64::from(u32::try_from(i).unwrap())));
            }
            let now = history.summary();
            prop_assert!(now.mean.is_finite() && now.mean >= 0.0 && now.cv2 >= 0.0 && now.attempts_per_order >= 1.0);
            prop_assert!(now.quantile(0.1) <= now.quantile(0.5) && now.quantile(0.5) <= now.quantile(0.9));
        }
    }
}
