//! The poll schedule ("window"): when should a client look, if the order is expected between `lo` and `hi`? Pure.
//!
//! ```text
//! lo, hi = p10, p90 since POST
//! d = max(0.1 s, sqrt(0.05*(hi - lo)*hi));  t = lo + 0.55*d
//! loop: wait until t, GET; final? return.
//!       a newer lo, hi in the object? take them: d anew, t = max(t + d, lo + 0.55*d)
//!       else t += d + 0.1*max(0, t - hi)
//! ```
//!
//! Looks `d` apart cost about `(hi - lo)/2d` of them and a delay of `d/2`. A look is taken to be worth a delay of 5 % of
//! the order's time, which is about `hi`; then the sum is least at that `d`. A fixed share of the window looks too often
//! where the window is narrow beside the time that it is known to take, and too rarely where it is wide: for the same
//! delay it needs a fifth more looks (`bench/README.md`). After the window looks become rarer, so that an order which
//! never ends costs few.

use chrono::{DateTime, Utc};
use std::time::Duration;

use crate::status::EtaWindow;

/// What one look is worth: a delay of this share of the order's time.
const LOOK: f64 = 0.05;
/// Where in its first step a window is looked at first: fewer orders end at its very beginning than further on.
const FIRST: f64 = 0.55;
/// The shortest time between two looks, in seconds.
const SHORTEST: f64 = 0.1;
/// How much rarer looks become after the window, as a share of the time since.
const LATE: f64 = 0.1;

/// The looks of one client: seconds since the order was placed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    lo: f64,
    hi: f64,
    look: f64,
    next: f64,
}

impl Schedule {
    /// The schedule for an order expected `lo` to `hi` seconds after it was placed (10th and 90th percentile).
    #[must_use]
    pub fn new(lo: f64, hi: f64) -> Self {
        Self::by_worth(lo, hi, LOOK)
    }

    /// The same for a client to whom a look is worth a delay of another share of the order's time than 0.05: the
    /// higher, the fewer and the later.
    #[must_use]
    pub fn by_worth(lo: f64, hi: f64, look: f64) -> Self {
        let (lo, hi) = window(lo, hi);
        Self { lo, hi, look, next: lo + FIRST * step(look, lo, hi) }
    }

    /// When to look next, in seconds since the order was placed.
    #[must_use]
    pub fn next_look(&self) -> f64 {
        self.next
    }

    /// After a look at the time planned, that found no newer window.
    #[must_use]
    pub fn looked(self) -> Self {
        Self { next: self.next + gap(self.look, self.lo, self.hi, self.next), ..self }
    }

    /// After a look that found a newer window.
    #[must_use]
    pub fn moved(self, lo: f64, hi: f64) -> Self {
        let (lo, hi) = window(lo, hi);
        let d = step(self.look, lo, hi);
        Self { lo, hi, next: (self.next + d).max(lo + FIRST * d), ..self }
    }
}

fn window(lo: f64, hi: f64) -> (f64, f64) {
    let lo = if lo.is_finite() { lo.max(0.0) } else { 0.0 };
    (lo, if hi.is_finite() { hi.max(lo) } else { lo })
}

fn step(look: f64, lo: f64, hi: f64) -> f64 {
    (look * (hi - lo) * hi).sqrt().max(SHORTEST)
}

/// How long after a look at `t` the next one comes.
fn gap(look: f64, lo: f64, hi: f64, t: f64) -> f64 {
    step(look, lo, hi) + LATE * (t - hi).max(0.0)
}

/// The time from `now` to the next look by this rule, for `poll_after_ms`, which serves a client that follows no
/// schedule of its own. `placed` is when the order was accepted.
#[must_use]
pub fn poll_after_since(window: &EtaWindow, placed: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    let (lo, hi, t) = since(window, placed, now);
    let first = lo + FIRST * step(LOOK, lo, hi);
    // After the first look's time somebody has just looked, or has just been told.
    let wait = if t < first { first - t } else { gap(LOOK, lo, hi, t) };
    Duration::from_secs_f64(wait.max(SHORTEST))
}

/// [`poll_after_since`] for an order that is placed now, or whose age does not matter: of an older one it makes more
/// looks than need be.
#[must_use]
pub fn poll_after(window: &EtaWindow, now: DateTime<Utc>) -> Duration {
    poll_after_since(window, now, now)
}

/// How far apart the looks of a client that follows this window are at the time `at`.
#[must_use]
pub fn gap_at(window: &EtaWindow, placed: DateTime<Utc>, at: DateTime<Utc>) -> Duration {
    let (lo, hi, t) = since(window, placed, at);
    Duration::from_secs_f64(gap(LOOK, lo, hi, t))
}

/// The window and the time in seconds since `placed`; the time is kept as it is to the window's end.
fn since(eta: &EtaWindow, placed: DateTime<Utc>, now: DateTime<Utc>) -> (f64, f64, f64) {
    let seconds = |t: DateTime<Utc>| (t - placed).as_seconds_f64();
    let end = seconds(eta.latest_at);
    let (lo, hi) = window(seconds(eta.earliest_at), end);
    (lo, hi, seconds(now) + (hi - end))
}

/// [`poll_after`] in whole milliseconds.
#[must_use]
pub fn poll_after_ms(window: &EtaWindow, now: DateTime<Utc>) -> u64 {
    poll_after_ms_since(window, now, now)
}

/// [`poll_after_since`] in whole milliseconds.
#[must_use]
pub fn poll_after_ms_since(window: &EtaWindow, placed: DateTime<Utc>, now: DateTime<Utc>) -> u64 {
    u64::try_from(poll_after_since(window, placed, now).as_millis()).unwrap_or(u64::MAX)
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
        assert!((s.next_look() - 100.0 - 0.55 * 120.0_f64.sqrt()).abs() < 1e-9);
        let back = Schedule::new(100.0, 120.0).moved(1.0, 2.0);
        assert!(back.next_look() > 106.0, "never before the look that was just made");
    }

    #[test]
    fn a_plain_client_is_told_the_first_look_of_the_schedule() {
        let now = DateTime::UNIX_EPOCH;
        let at = |s: i64| now + TimeDelta::seconds(s);
        let w = EtaWindow { at: at(12), earliest_at: at(9), latest_at: at(19) };
        // sqrt(0.05 * 10 * 19) = 3.08
        assert_eq!(poll_after_ms(&w, now), 10_695);
        assert_eq!(poll_after_ms_since(&w, now, at(4)), 6_695, "before the window: until its first look");
        assert_eq!(poll_after_ms_since(&w, now, at(15)), 3_082, "inside the window: one step");
        assert_eq!(poll_after_ms_since(&w, now, at(119)), 13_082, "long past it: rarer");
        assert_eq!(poll_after_ms(&w, at(119)), 10_100, "also where the order's age is not known");
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
            prop_assert!(seen - done <= step(LOOK, lo, hi) + LATE * late + 1e-6);
        }
    }
}
