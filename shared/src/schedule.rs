//! The poll schedule ("window"): when should a client look, if the order is expected between `lo` and `hi`? Pure.
//!
//! The first look comes shortly after the earliest likely time, further ones a fixed share of the window apart, and
//! rarer the later it gets. A client that follows it needs between two and three looks.

use chrono::{DateTime, Utc};
use std::time::Duration;

use crate::status::EtaWindow;

/// The share of the window between two looks.
const SHARE: f64 = 0.3;
/// The shortest time between two looks, in seconds.
const SHORTEST: f64 = 0.1;
/// How much rarer looks become after the window, as a share of the time since.
const LATE: f64 = 0.1;

/// The looks of one client: seconds since the order was placed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    lo: f64,
    hi: f64,
    next: f64,
}

impl Schedule {
    /// The schedule for an order expected `lo` to `hi` seconds after it was placed (10th and 90th percentile).
    #[must_use]
    pub fn new(lo: f64, hi: f64) -> Self {
        let (lo, hi) = window(lo, hi);
        Self { lo, hi, next: lo + step(lo, hi) / 2.0 }
    }

    /// When to look next, in seconds since the order was placed.
    #[must_use]
    pub fn next_look(&self) -> f64 {
        self.next
    }

    /// After a look at the time planned, that found no newer window.
    #[must_use]
    pub fn looked(self) -> Self {
        let next = self.next + step(self.lo, self.hi) + LATE * (self.next - self.hi).max(0.0);
        Self { next, ..self }
    }

    /// After a look that found a newer window.
    #[must_use]
    pub fn moved(self, lo: f64, hi: f64) -> Self {
        let (lo, hi) = window(lo, hi);
        let d = step(lo, hi);
        Self { lo, hi, next: (self.next + d).max(lo + d / 2.0) }
    }
}

fn window(lo: f64, hi: f64) -> (f64, f64) {
    let lo = if lo.is_finite() { lo.max(0.0) } else { 0.0 };
    (lo, if hi.is_finite() { hi.max(lo) } else { lo })
}

fn step(lo: f64, hi: f64) -> f64 {
    (SHARE * (hi - lo)).max(SHORTEST)
}

/// The time from `now` to the next look by this rule, for `poll_after_ms`, which serves a client that follows no
/// schedule of its own.
#[must_use]
pub fn poll_after(window: &EtaWindow, now: DateTime<Utc>) -> Duration {
    let seconds = |t: DateTime<Utc>| (t - now).as_seconds_f64();
    let (lo, hi) = (seconds(window.earliest_at), seconds(window.latest_at));
    let d = step(lo, hi.max(lo));
    // At `now` itself somebody has just looked, or has just been told.
    let wait = (lo + d / 2.0).max(d + LATE * (-hi).max(0.0));
    Duration::from_secs_f64(if lo + d / 2.0 > 0.0 { lo + d / 2.0 } else { wait }.max(SHORTEST))
}

/// How far apart the looks of a client that follows this window are at the time `at`.
#[must_use]
pub fn gap_at(window: &EtaWindow, at: DateTime<Utc>) -> Duration {
    let width = (window.latest_at - window.earliest_at).as_seconds_f64();
    let late = (at - window.latest_at).as_seconds_f64().max(0.0);
    Duration::from_secs_f64(step(0.0, width) + LATE * late)
}

/// `poll_after` in whole milliseconds.
#[must_use]
pub fn poll_after_ms(window: &EtaWindow, now: DateTime<Utc>) -> u64 {
    u64::try_from(poll_after(window, now).as_millis()).unwrap_or(u64::MAX)
}

/// `wait` give or take 10 %, by `random` in `[0, 1)`, so that the clients of a burst do not come together.
#[must_use]
pub fn jittered(wait: Duration, random: f64) -> Duration {
    wait.mul_f64(0.9 + 0.2 * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use proptest::prelude::*;

    use super::*;

    fn looks(mut s: Schedule, until: f64) -> Vec<f64> {
        let mut all = vec![s.next_look()];
        while s.next_look() < until {
            s = s.looked();
            all.push(s.next_look());
        }
        all
    }

    #[test]
    fn an_order_that_comes_in_its_window_takes_few_looks() {
        // Done at the median of a window from 9 to 20 s.
        let l = looks(Schedule::new(9.0, 20.0), 12.4);
        assert!((2..=3).contains(&l.len()), "{l:?}");
        assert!(l.last().unwrap() - 12.4 < 3.4);
    }

    #[test]
    fn a_newer_window_takes_over() {
        let s = Schedule::new(10.0, 20.0).moved(100.0, 120.0);
        assert!((s.next_look() - 103.0).abs() < 1e-9);
        let back = Schedule::new(100.0, 120.0).moved(1.0, 2.0);
        assert!(back.next_look() > 103.0, "never before the look that was just made");
    }

    #[test]
    fn a_plain_client_is_told_the_first_look_of_the_schedule() {
        let now = DateTime::UNIX_EPOCH;
        let at = |s: i64| now + TimeDelta::seconds(s);
        let w = EtaWindow { at: at(12), earliest_at: at(9), latest_at: at(19) };
        assert_eq!(poll_after(&w, now), Duration::from_millis(10_500));
        assert_eq!(poll_after(&w, at(15)), Duration::from_secs(3), "inside the window: one step");
        assert_eq!(poll_after(&w, at(119)), Duration::from_secs(13), "long past it: rarer");
    }

    proptest! {
        #[test]
        fn looks_go_forward_and_become_rarer(lo in -10.0f64..1e5, width in -10.0f64..1e5) {
            let mut s = Schedule::new(lo, lo + width);
            let mut gap = 0.0;
            for _ in 0..60 {
                let n = s.looked();
                let g = n.next_look() - s.next_look();
                prop_assert!(g >= SHORTEST - 1e-9 && g >= gap - 1e-6, "{} after {}", g, gap);
                gap = g;
                s = n;
            }
        }

        #[test]
        fn any_window_gives_a_wait(a in -1_000_000i64..1_000_000, b in -1_000_000i64..1_000_000) {
            let now = DateTime::UNIX_EPOCH;
            let at = |s: i64| now + TimeDelta::seconds(s);
            let w = EtaWindow { at: at(a), earliest_at: at(a), latest_at: at(b) };
            prop_assert!(poll_after(&w, now) >= Duration::from_millis(100));
        }

        #[test]
        fn an_overdue_order_is_seen_within_a_tenth_of_its_lateness(lo in 0.0f64..100.0, width in 0.0f64..100.0, late in 0.0f64..10_000.0) {
            let hi = lo + width;
            let done = hi + late;
            let seen = *looks(Schedule::new(lo, hi), done).last().unwrap();
            prop_assert!(seen - done <= step(lo, hi) + LATE * late + 1e-6);
        }
    }
}
