//! The poll schedule: when should a client poll, if the order is expected between `lo` and `hi`?
//! Pure.
//!
//! ```text
//! lo, hi = p10, p90 since POST
//! d = max(0.1 s, sqrt(0.05*(hi - lo)*hi));  t = lo + 0.55*d
//! loop: wait until t, GET; final? return.
//!       a newer lo, hi in the object? take them: d anew, t = max(t + d, lo + 0.55*d)
//!       else t += d + 0.1*max(0, t - hi)
//! ```
//!
//! Polling every `d` costs about `(hi - lo)/2d` polls and a delay of `d/2`. A poll is taken to be
//! worth a delay of 5 % of the order's time, which is about `hi`. The sum of both costs is least at
//! the `d` above. A fixed share of the window polls too often where the window is narrow compared
//! with the order's time, and too rarely where it is wide: it needs a fifth more polls for the same
//! delay (`bench/README.md`). After the window, polls become rarer, so that an order that never
//! ends costs few.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

use crate::status::EtaWindow;

/// What one poll costs: as much as a delay of this share of the order's time.
pub(crate) const POLL_COST: f64 = 0.05;
/// Where in the first step of a window the first poll is: fewer orders end at the very beginning of
/// the window than further on.
const FIRST: f64 = 0.55;
/// The shortest time between two polls, in seconds.
const SHORTEST: f64 = 0.1;
/// How much rarer polls become after the window, as a share of the time since its end.
const LATE: f64 = 0.1;
/// How far a client's waits differ from the schedule, as a share of each.
const JITTER: f64 = 0.1;

/// The polls of one order, in seconds since it was accepted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    lo: f64,
    hi: f64,
    poll_cost: f64,
    next: f64,
}

impl Schedule {
    /// The schedule for an order that is expected `lo` to `hi` seconds after it was accepted (10th
    /// and 90th percentile).
    #[must_use]
    pub fn new(lo: f64, hi: f64) -> Self {
        Self::with_poll_cost(lo, hi, POLL_COST)
    }

    /// The same where a poll costs as much as a delay of another share of the order's time than
    /// 0.05. A higher cost makes polls fewer and later.
    #[must_use]
    pub fn with_poll_cost(lo: f64, hi: f64, poll_cost: f64) -> Self {
        let (lo, hi) = window(lo, hi);
        Self { lo, hi, poll_cost, next: lo + FIRST * step(poll_cost, lo, hi) }
    }

    /// When to poll next, in seconds since the order was accepted.
    #[must_use]
    pub fn next_poll(&self) -> f64 {
        self.next
    }

    /// After a poll on time that returned no newer window.
    #[must_use]
    pub fn polled(self) -> Self {
        self.polled_at(self.next)
    }

    /// After a poll `t` seconds after the order was accepted, that returned no newer window.
    #[must_use]
    pub fn polled_at(self, t: f64) -> Self {
        Self { next: t + gap(self.poll_cost, self.lo, self.hi, t), ..self }
    }

    /// After a poll on time that returned a newer window.
    #[must_use]
    pub fn window_changed(self, lo: f64, hi: f64) -> Self {
        self.window_found_at(self.next, lo, hi)
    }

    /// After a poll `t` seconds after the order was accepted, that returned a newer window.
    #[must_use]
    pub fn window_found_at(self, t: f64, lo: f64, hi: f64) -> Self {
        let (lo, hi) = window(lo, hi);
        let d = step(self.poll_cost, lo, hi);
        Self { lo, hi, next: (t + d).max(lo + FIRST * d), ..self }
    }
}

fn window(lo: f64, hi: f64) -> (f64, f64) {
    let lo = if lo.is_finite() { lo.max(0.0) } else { 0.0 };
    (lo, if hi.is_finite() { hi.max(lo) } else { lo })
}

fn step(poll_cost: f64, lo: f64, hi: f64) -> f64 {
    (poll_cost * (hi - lo) * hi).sqrt().max(SHORTEST)
}

/// How long after a poll at `t` the next one is.
fn gap(poll_cost: f64, lo: f64, hi: f64, t: f64) -> f64 {
    step(poll_cost, lo, hi) + LATE * (t - hi).max(0.0)
}

/// The time from `now` to the next poll by this rule: `poll_after_ms`, for a client without a
/// schedule of its own. `accepted_at` is when the order was accepted.
#[must_use]
pub fn poll_after_since(window: &EtaWindow, accepted_at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
    let (lo, hi, t) = since(window, accepted_at, now);
    let first = lo + FIRST * step(POLL_COST, lo, hi);
    // After the time of the first poll, the client has just polled or received an event.
    let wait = if t < first { first - t } else { gap(POLL_COST, lo, hi, t) };
    Duration::from_secs_f64(wait.max(SHORTEST))
}

/// [`poll_after_since`] for an order that is accepted now, or whose age does not matter: for an
/// older order it gives more polls than are needed.
#[must_use]
pub fn poll_after(window: &EtaWindow, now: DateTime<Utc>) -> Duration {
    poll_after_since(window, now, now)
}

/// The time between two polls of this window around the time `at`.
#[must_use]
pub fn gap_at(window: &EtaWindow, accepted_at: DateTime<Utc>, at: DateTime<Utc>) -> Duration {
    let (lo, hi, t) = since(window, accepted_at, at);
    Duration::from_secs_f64(gap(POLL_COST, lo, hi, t))
}

/// The window and the time, in seconds since `accepted_at`. The time keeps its distance to the end
/// of the window.
fn since(eta: &EtaWindow, accepted_at: DateTime<Utc>, now: DateTime<Utc>) -> (f64, f64, f64) {
    let seconds = |t: DateTime<Utc>| (t - accepted_at).as_seconds_f64();
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
pub fn poll_after_ms_since(window: &EtaWindow, accepted_at: DateTime<Utc>, now: DateTime<Utc>) -> u64 {
    u64::try_from(poll_after_since(window, accepted_at, now).as_millis()).unwrap_or(u64::MAX)
}

/// The earliest that a client polls whose schedule says `first_poll_at`, for an order that was
/// accepted at `accepted_at`.
#[must_use]
pub fn earliest_poll(first_poll_at: DateTime<Utc>, accepted_at: DateTime<Utc>) -> DateTime<Utc> {
    let wait = (first_poll_at - accepted_at).to_std().unwrap_or_default().mul_f64(1.0 - JITTER);
    accepted_at + TimeDelta::from_std(wait).unwrap_or_default()
}

/// `wait` give or take 10 %, by `random` in `[0, 1)`, so that the clients of a burst do not poll
/// together.
#[must_use]
pub fn jittered(wait: Duration, random: f64) -> Duration {
    wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * random.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn polls(mut s: Schedule, until: f64) -> Vec<f64> {
        let mut all = vec![s.next_poll()];
        while s.next_poll() < until {
            s = s.polled();
            all.push(s.next_poll());
        }
        all
    }

    #[test]
    fn an_order_that_ends_in_its_window_takes_few_polls() {
        // Done at the median of a window from 9 to 20 s.
        let polls = polls(Schedule::new(9.0, 20.0), 12.4);
        assert!((2..=3).contains(&polls.len()), "{polls:?}");
        assert!(polls.last().unwrap() - 12.4 < 3.4);
    }

    #[test]
    fn a_newer_window_takes_over() {
        let s = Schedule::new(10.0, 20.0).window_changed(100.0, 120.0);
        assert!((s.next_poll() - 100.0 - 0.55 * 120.0_f64.sqrt()).abs() < 1e-9);
        let back = Schedule::new(100.0, 120.0).window_changed(1.0, 2.0);
        assert!(back.next_poll() > 106.0, "never before the poll that was just made");
    }

    #[test]
    fn poll_after_ms_is_the_next_poll_of_the_schedule() {
        let now = DateTime::UNIX_EPOCH;
        let at = |s: i64| now + TimeDelta::seconds(s);
        let w = EtaWindow { at: at(12), earliest_at: at(9), latest_at: at(19) };
        // sqrt(0.05 * 10 * 19) = 3.08
        assert_eq!(poll_after_ms(&w, now), 10_695);
        assert_eq!(poll_after_ms_since(&w, now, at(4)), 6_695, "before the window: until its first poll");
        assert_eq!(poll_after_ms_since(&w, now, at(15)), 3_082, "inside the window: one step");
        assert_eq!(poll_after_ms_since(&w, now, at(119)), 13_082, "long past it: rarer");
        assert_eq!(poll_after_ms(&w, at(119)), 10_100, "also where the order's age is not known");
    }

    proptest! {
        #[test]
        fn polls_go_forward_and_become_rarer(lo in -10.0f64..1e5, width in -10.0f64..1e5) {
            let mut s = Schedule::new(lo, lo + width);
            let mut gap = 0.0;
            for _ in 0..60 {
                let n = s.polled();
                let g = n.next_poll() - s.next_poll();
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
        fn an_overdue_order_is_noticed_within_a_tenth_of_its_lateness(lo in 0.0f64..100.0, width in 0.0f64..100.0, late in 0.0f64..10_000.0) {
            let hi = lo + width;
            let done = hi + late;
            let noticed = *polls(Schedule::new(lo, hi), done).last().unwrap();
            prop_assert!(noticed - done <= step(POLL_COST, lo, hi) + LATE * late + 1e-6);
        }
    }
}
