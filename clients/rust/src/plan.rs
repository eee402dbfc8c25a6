//! When to poll one order next: its schedule, on the clocks of service and client. Pure.
//!
//! `local` is this machine's time, everything else the service's.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    clock::Clock,
    receipt::Receipt,
    schedule::Schedule,
    status::{EtaWindow, StatusObject},
};

/// The shortest time between two polls, even if the service asks for less.
const SHORTEST: Duration = Duration::from_millis(100);
/// The time between two polls, where nothing says when the order may be done.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(2);
/// How much that time grows with each poll that returns nothing new.
const INTERVAL_GROWTH: f64 = 1.1;
/// How long a worker may take to stop after a cancellation, as far as is known.
const CANCEL_WITHIN: TimeDelta = TimeDelta::seconds(5);
/// A receipt states its window to a tenth of a second: a smaller difference is rounding.
const ROUNDING: TimeDelta = TimeDelta::milliseconds(101);

/// The polls of one order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plan {
    /// When the order was accepted: the zero of the schedule.
    pub(crate) origin: DateTime<Utc>,
    /// When the order should be done, where that is known, and the schedule for it.
    expected: Option<(Window, Schedule)>,
    /// The next poll, where there is no window.
    due: DateTime<Utc>,
    /// The time between two polls, where there is no window or the service's time is unknown.
    interval: Duration,
    /// Whether cancellation was requested, so that the order should end soon whatever its estimate.
    cancelling: bool,
    /// The latest time for the next poll by our own clock, while the service's time is unknown.
    cap: Option<DateTime<Utc>>,
}

/// When an order should be done.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Window {
    at: DateTime<Utc>,
    earliest_at: DateTime<Utc>,
    latest_at: DateTime<Utc>,
}

impl Plan {
    /// The polls that a receipt asks for.
    pub(crate) fn new(receipt: &Receipt, clock: Clock, local: DateTime<Utc>) -> Self {
        let now = clock.service_time(local);
        let interval = receipt.poll_after_ms.map_or(DEFAULT_INTERVAL, |ms| Duration::from_millis(ms).max(SHORTEST));
        let plan = Self { origin: now, expected: None, due: now, interval, cancelling: false, cap: None };
        let Some(eta) = &receipt.eta else {
            let due = if receipt.poll_after_ms.is_some() { now + interval } else { now };
            return Self { due, ..plan };
        };
        let origin = eta.at - span(eta.seconds);
        let schedule = Schedule::new(eta.p10_seconds, eta.p90_seconds);
        let window = Window {
            at: eta.at,
            earliest_at: origin + span(eta.p10_seconds),
            latest_at: origin + span(eta.p90_seconds),
        };
        // However late the receipt is used, the order was accepted before.
        let cap = Some(local + span(schedule.next_poll()));
        Self { origin, expected: Some((window, schedule)), cap, ..plan }
    }

    /// When the order should be done, where that is known.
    pub(crate) fn eta(&self) -> Option<EtaWindow> {
        let (Window { at, earliest_at, latest_at }, _) = self.expected?;
        Some(EtaWindow { at, earliest_at, latest_at, other: BTreeMap::new() })
    }

    /// After cancellation was requested at `local`.
    pub(crate) fn cancelled(self, clock: Clock, local: DateTime<Utc>) -> Self {
        let now = clock.service_time(local);
        let window = Window { at: now + CANCEL_WITHIN / 2, earliest_at: now, latest_at: now + CANCEL_WITHIN };
        let schedule = Schedule::new(0.0, CANCEL_WITHIN.as_seconds_f64());
        let cap = Some(local + span(schedule.next_poll()));
        Self { origin: now, expected: Some((window, schedule)), cancelling: true, cap, ..self }
    }

    /// After a poll, sent at `local`, that returned this object, or nothing new.
    pub(crate) fn polled(self, object: Option<&StatusObject>, clock: Clock, local: DateTime<Utc>) -> Self {
        let now = clock.service_time(local);
        let named = object.and_then(|o| o.poll_after_ms).map(|ms| Duration::from_millis(ms).max(SHORTEST));
        let interval = named.unwrap_or_else(|| self.interval.mul_f64(INTERVAL_GROWTH));
        let plan = Self { interval, cap: Some(local + interval), ..self };
        if let Some((object, window)) = object.and_then(|o| Some((o, Window::from(o.eta.as_ref()?))))
            && !self.cancelling
            && !self.expected.is_some_and(|(known, _)| known.is_near(window))
        {
            let origin = object.created_at;
            let since = |at: DateTime<Utc>| (at - origin).as_seconds_f64();
            let schedule = Schedule::after_poll_at(since(now), since(window.earliest_at), since(window.latest_at));
            return Self { origin, expected: Some((window, schedule)), ..plan };
        }
        // An object without an estimate does not take back an earlier one.
        if let Some((window, schedule)) = self.expected {
            let since = (now - self.origin).as_seconds_f64();
            let mut next = schedule.polled();
            // After a suspension this one poll replaces all that were missed.
            if next.next_poll() < since + SHORTEST.as_secs_f64() {
                next = schedule.polled_at(since);
            }
            return Self { expected: Some((window, next)), ..plan };
        }
        let after_write = object.map(|o| o.updated_at + interval).filter(|at| *at >= now + SHORTEST);
        Self { due: after_write.unwrap_or(now + interval), ..plan }
    }

    /// The time from `local` to the next poll, before jitter.
    pub(crate) fn until_poll(&self, clock: Clock, local: DateTime<Utc>) -> Duration {
        let at = self.expected.map_or(self.due, |(_, schedule)| self.origin + span(schedule.next_poll()));
        let wait = at - clock.service_time(local);
        let capped = self.cap.filter(|_| !clock.is_known()).map_or(wait, |cap| wait.min(cap - local));
        capped.to_std().unwrap_or_default()
    }
}

impl Window {
    fn is_near(self, other: Self) -> bool {
        let near = |a: DateTime<Utc>, b: DateTime<Utc>| (a - b).abs() <= ROUNDING;
        near(self.earliest_at, other.earliest_at) && near(self.latest_at, other.latest_at)
    }
}

impl From<&EtaWindow> for Window {
    fn from(eta: &EtaWindow) -> Self {
        Self { at: eta.at, earliest_at: eta.earliest_at, latest_at: eta.latest_at }
    }
}

/// `wait` plus or minus 10 %, by `random` in `[0, 1)`, so that the clients of a burst spread out.
pub(crate) fn jittered(wait: Duration, random: f64) -> Duration {
    wait.mul_f64(0.9 + 0.2 * random)
}

/// Seconds as a time span, ten years at most.
fn span(seconds: f64) -> TimeDelta {
    #[expect(clippy::cast_possible_truncation, reason = "clamped to ten years of milliseconds")]
    let ms = (seconds.clamp(-315_360_000.0, 315_360_000.0) * 1e3).round() as i64;
    TimeDelta::milliseconds(ms)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{clock::Exchange, receipt::ReceiptEta};

    fn at(seconds: f64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + span(seconds)
    }

    /// An order accepted at `accepted`, expected 9 to 20 s later.
    fn receipt(accepted: f64) -> Receipt {
        let eta = ReceiptEta {
            seconds: 12.0,
            p10_seconds: 9.0,
            p90_seconds: 20.0,
            at: at(accepted + 12.0),
            queue_depth: 0,
            basis: "measured".to_owned(),
            other: BTreeMap::new(),
        };
        Receipt { eta: Some(eta), poll_after_ms: Some(10_824), ..Receipt::new("x", "t") }
    }

    fn object(eta: Option<(f64, f64)>) -> StatusObject {
        let eta = eta.map(|(lo, hi)| json!({"earliest_at": at(lo), "at": at(lo), "latest_at": at(hi)}));
        let object = json!({
            "id": "x", "status": "processing", "done": false, "revision": 2, "attempt": 1, "created_at": at(0.0),
            "updated_at": at(4.0), "eta": eta, "poll_after_ms": 5_000, "renew": "http://api/order/x",
        });
        serde_json::from_value(object).expect("a status object")
    }

    fn seconds(wait: Duration) -> f64 {
        wait.as_secs_f64()
    }

    #[test]
    fn the_first_poll_is_the_schedules_first() {
        let plan = Plan::new(&receipt(0.0), Clock::default(), at(0.0));
        let first = Schedule::new(9.0, 20.0).next_poll();
        assert!((seconds(plan.until_poll(Clock::default(), at(0.0))) - first).abs() < 0.001);
        assert_eq!(plan.until_poll(Clock::default(), at(50.0)), Duration::ZERO, "a receipt that was stored");
    }

    #[test]
    fn a_newer_window_replaces_the_older_one() {
        let clock = Clock::default();
        let plan = Plan::new(&receipt(0.0), clock, at(0.0));
        let newer = plan.polled(Some(&object(Some((100.0, 120.0)))), clock, at(11.0));
        let moved = Schedule::after_poll_at(11.0, 100.0, 120.0).next_poll();
        // The service's time is unknown, so that its `poll_after_ms` bounds the wait.
        assert_eq!(newer.until_poll(clock, at(11.0)), Duration::from_secs(5));
        let known = clock.observe_date(Exchange { sent_at: at(10.9), received_at: at(11.0) }, at(10.0));
        assert!((seconds(newer.until_poll(known, at(11.0))) - (moved - 11.0)).abs() < 0.001);
    }

    #[test]
    fn a_window_that_differs_by_rounding_is_not_newer() {
        let clock = Clock::default();
        let plan = Plan::new(&receipt(0.0), clock, at(0.0));
        let known = clock.observe_date(Exchange { sent_at: at(10.9), received_at: at(11.0) }, at(10.0));
        let same = plan.polled(Some(&object(Some((9.04, 19.96)))), known, at(11.0));
        assert_eq!(same.until_poll(known, at(11.0)), plan.polled(None, known, at(11.0)).until_poll(known, at(11.0)));
    }

    #[test]
    fn a_suspended_program_polls_once_when_it_resumes() {
        let clock = Clock::default();
        let plan = Plan::new(&receipt(0.0), clock, at(0.0));
        let late = plan.polled(None, clock, at(1_000.0));
        let wait = late.until_poll(clock, at(1_000.0));
        assert!(wait >= SHORTEST && wait < Duration::from_secs(120), "{wait:?}");
    }

    #[test]
    fn a_wrong_clock_makes_no_wait_longer_than_the_service_asks() {
        // This machine's clock is a day behind.
        let plan = Plan::new(&receipt(86_400.0), Clock::default(), at(0.0));
        assert!(seconds(plan.until_poll(Clock::default(), at(0.0))) < 12.0);
        // A day ahead: the first poll comes at once, and the next ones not in a rush.
        let plan = Plan::new(&receipt(0.0), Clock::default(), at(86_400.0));
        assert_eq!(plan.until_poll(Clock::default(), at(86_400.0)), Duration::ZERO);
        assert!(
            plan.polled(None, Clock::default(), at(86_400.0)).until_poll(Clock::default(), at(86_400.0)) > SHORTEST
        );
    }

    #[test]
    fn without_a_window_poll_after_ms_holds_and_polls_become_rarer() {
        let clock = Clock::default();
        let plan = Plan::new(&Receipt::new("x", "t"), clock, at(0.0));
        assert_eq!(plan.until_poll(clock, at(0.0)), Duration::ZERO, "nothing is known: poll");
        let plan = plan.polled(Some(&object(None)), clock, at(5.0));
        assert_eq!(plan.until_poll(clock, at(5.0)), Duration::from_secs(4), "5 s after it was written");
        let plan = plan.polled(None, clock, at(9.0));
        assert!((seconds(plan.until_poll(clock, at(9.0))) - 5.5).abs() < 0.001);
    }

    #[test]
    fn a_cancelled_order_is_polled_soon_whatever_its_estimate() {
        let clock = Clock::default();
        let plan = Plan::new(&receipt(0.0), clock, at(0.0)).cancelled(clock, at(1.0));
        assert!(seconds(plan.until_poll(clock, at(1.0))) < 1.0);
        let plan = plan.polled(Some(&object(Some((500.0, 600.0)))), clock, at(2.0));
        assert!(seconds(plan.until_poll(clock, at(2.0))) < 6.0);
    }
}
