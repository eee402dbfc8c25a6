//! When to look next at one order: the schedule, laid on the clocks. Pure.
//!
//! `local` is this machine's time, everything else the service's.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    clock::Clock,
    receipt::Receipt,
    schedule::Schedule,
    status::{EtaWindow, StatusObject},
};

/// Between two looks, whatever anybody says.
const SHORTEST: Duration = Duration::from_millis(100);
/// Between two looks, where nothing says when the order may be done.
const UNGUIDED: Duration = Duration::from_secs(2);
/// How much that time grows with each look that finds nothing new.
const RARER: f64 = 1.1;
/// How long it takes a worker to hear that it should stop, as far as is known.
const STOPPING: TimeDelta = TimeDelta::seconds(5);
/// A receipt states its window to a tenth of a second: a difference of that size is none.
const ROUNDING: TimeDelta = TimeDelta::milliseconds(101);

/// The looks at one order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Plan {
    /// When the order was placed: the zero of the schedule.
    pub(crate) origin: DateTime<Utc>,
    /// When it should be done, where that is known, and the looks by it.
    guided: Option<(EtaWindow, Schedule)>,
    /// Where there is no window: the next look.
    due: DateTime<Utc>,
    /// Where there is no window, or no knowing what time it is: the time between two looks.
    every: Duration,
    /// Whether the order was asked to end soon, whatever its estimate says.
    hurried: bool,
    /// The latest time for the next look by our own clock, as long as nobody has told how wrong that is.
    cap: Option<DateTime<Utc>>,
}

impl Plan {
    /// The looks that a receipt asks for.
    pub(crate) fn begin(receipt: &Receipt, clock: Clock, local: DateTime<Utc>) -> Self {
        let now = clock.service_time(local);
        let every = receipt.poll_after_ms.map_or(UNGUIDED, |ms| Duration::from_millis(ms).max(SHORTEST));
        let plan = Self { origin: now, guided: None, due: now, every, hurried: false, cap: None };
        let Some(eta) = &receipt.eta else {
            let due = if receipt.poll_after_ms.is_some() { now + every } else { now };
            return Self { due, ..plan };
        };
        let origin = eta.at - span(eta.seconds);
        let schedule = Schedule::new(eta.p10_seconds, eta.p90_seconds);
        let window = EtaWindow {
            at: eta.at,
            earliest_at: origin + span(eta.p10_seconds),
            latest_at: origin + span(eta.p90_seconds),
        };
        // However late it is taken up, the order was placed before.
        let cap = Some(local + span(schedule.next_look()));
        Self { origin, guided: Some((window, schedule)), cap, ..plan }
    }

    /// When the order should be done, where that is known.
    pub(crate) fn window(&self) -> Option<EtaWindow> {
        self.guided.map(|(window, _)| window)
    }

    /// After the order was asked, at `local`, to end within seconds.
    pub(crate) fn hurry(self, clock: Clock, local: DateTime<Utc>) -> Self {
        let now = clock.service_time(local);
        let window = EtaWindow { at: now + STOPPING / 2, earliest_at: now, latest_at: now + STOPPING };
        let schedule = Schedule::new(0.0, STOPPING.as_seconds_f64());
        let cap = Some(local + span(schedule.next_look()));
        Self { origin: now, guided: Some((window, schedule)), hurried: true, cap, ..self }
    }

    /// After a look, begun at `local`, that found this object, or nothing new.
    pub(crate) fn looked(self, object: Option<&StatusObject>, clock: Clock, local: DateTime<Utc>) -> Self {
        let now = clock.service_time(local);
        let named = object.and_then(|o| o.poll_after_ms).map(|ms| Duration::from_millis(ms).max(SHORTEST));
        let every = named.unwrap_or_else(|| self.every.mul_f64(RARER));
        let plan = Self { every, cap: Some(local + every), ..self };
        if let Some((object, window)) = object.and_then(|o| Some((o, o.eta?)))
            && !self.hurried
            && !self.guided.is_some_and(|(known, _)| same(&known, &window))
        {
            let origin = object.created_at;
            let since = |at: DateTime<Utc>| (at - origin).as_seconds_f64();
            let schedule = Schedule::from_look_at(since(now), since(window.earliest_at), since(window.latest_at));
            return Self { origin, guided: Some((window, schedule)), ..plan };
        }
        // An object that says nothing of the end does not take back what was said of it.
        if let Some((window, schedule)) = self.guided {
            let since = (now - self.origin).as_seconds_f64();
            let mut next = schedule.looked();
            // A program that slept has missed looks: this one made up for all of them.
            if next.next_look() < since + SHORTEST.as_secs_f64() {
                next = schedule.looked_at(since);
            }
            return Self { guided: Some((window, next)), ..plan };
        }
        let written = object.map(|o| o.updated_at + every).filter(|at| *at >= now + SHORTEST);
        Self { due: written.unwrap_or(now + every), ..plan }
    }

    /// The time from `local` to the next look, before jitter.
    pub(crate) fn until_look(&self, clock: Clock, local: DateTime<Utc>) -> Duration {
        let at = self.guided.map_or(self.due, |(_, schedule)| self.origin + span(schedule.next_look()));
        let wait = at - clock.service_time(local);
        let capped = self.cap.filter(|_| !clock.is_known()).map_or(wait, |cap| wait.min(cap - local));
        capped.to_std().unwrap_or_default()
    }
}

/// `wait` give or take 10 %, by `random` in `[0, 1)`, so that the clients of a burst do not come together.
pub(crate) fn jittered(wait: Duration, random: f64) -> Duration {
    wait.mul_f64(0.9 + 0.2 * random)
}

fn same(a: &EtaWindow, b: &EtaWindow) -> bool {
    let near = |a: DateTime<Utc>, b: DateTime<Utc>| (a - b).abs() <= ROUNDING;
    near(a.earliest_at, b.earliest_at) && near(a.latest_at, b.latest_at)
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
    use crate::receipt::ReceiptEta;

    fn at(seconds: f64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + span(seconds)
    }

    /// An order placed at `placed`, expected 9 to 20 s later.
    fn receipt(placed: f64) -> Receipt {
        let eta = ReceiptEta {
            seconds: 12.0,
            p10_seconds: 9.0,
            p90_seconds: 20.0,
            at: at(placed + 12.0),
            queue_depth: None,
            basis: None,
        };
        Receipt { eta: Some(eta), poll_after_ms: Some(10_824), ..Receipt::named("x", "t") }
    }

    fn object(eta: Option<(f64, f64)>) -> StatusObject {
        let eta = eta.map(|(lo, hi)| json!({"earliest_at": at(lo), "at": at(lo), "latest_at": at(hi)}));
        let object = json!({
            "id": "x", "status": "processing", "done": false, "revision": 2, "created_at": at(0.0),
            "updated_at": at(4.0), "eta": eta, "poll_after_ms": 5_000,
        });
        serde_json::from_value(object).expect("a status object")
    }

    fn seconds(wait: Duration) -> f64 {
        wait.as_secs_f64()
    }

    #[test]
    fn the_first_look_comes_when_the_schedule_says() {
        let plan = Plan::begin(&receipt(0.0), Clock::default(), at(0.0));
        let first = Schedule::new(9.0, 20.0).next_look();
        assert!((seconds(plan.until_look(Clock::default(), at(0.0))) - first).abs() < 0.001);
        assert_eq!(plan.until_look(Clock::default(), at(50.0)), Duration::ZERO, "a receipt that was stored");
    }

    #[test]
    fn a_newer_window_is_taken_and_one_that_differs_by_its_rounding_is_none() {
        let clock = Clock::default();
        let plan = Plan::begin(&receipt(0.0), clock, at(0.0));
        let newer = plan.looked(Some(&object(Some((100.0, 120.0)))), clock, at(11.0));
        let moved = Schedule::from_look_at(11.0, 100.0, 120.0).next_look();
        // Nobody has told the time yet, so the service's own word bounds the wait.
        assert_eq!(newer.until_look(clock, at(11.0)), Duration::from_secs(5));
        let told = clock.heard_date(crate::clock::Exchange { sent_at: at(10.9), received_at: at(11.0) }, at(10.0));
        assert!((seconds(newer.until_look(told, at(11.0))) - (moved - 11.0)).abs() < 0.001);
        let same = plan.looked(Some(&object(Some((9.04, 19.96)))), told, at(11.0));
        assert_eq!(same.until_look(told, at(11.0)), plan.looked(None, told, at(11.0)).until_look(told, at(11.0)));
    }

    #[test]
    fn a_program_that_slept_looks_once_and_goes_on_from_there() {
        let clock = Clock::default();
        let plan = Plan::begin(&receipt(0.0), clock, at(0.0));
        let late = plan.looked(None, clock, at(1_000.0));
        let wait = late.until_look(clock, at(1_000.0));
        assert!(wait >= SHORTEST && wait < Duration::from_secs(120), "{wait:?}");
    }

    #[test]
    fn a_wrong_clock_makes_no_wait_longer_than_the_service_said() {
        // This machine thinks that it is a day earlier than it is.
        let plan = Plan::begin(&receipt(86_400.0), Clock::default(), at(0.0));
        assert!(seconds(plan.until_look(Clock::default(), at(0.0))) < 12.0);
        // A day later: the look comes at once, and no later ones in a rush.
        let plan = Plan::begin(&receipt(0.0), Clock::default(), at(86_400.0));
        assert_eq!(plan.until_look(Clock::default(), at(86_400.0)), Duration::ZERO);
        assert!(
            plan.looked(None, Clock::default(), at(86_400.0)).until_look(Clock::default(), at(86_400.0)) > SHORTEST
        );
    }

    #[test]
    fn without_a_window_the_service_names_the_time_and_else_looks_become_rarer() {
        let clock = Clock::default();
        let plan = Plan::begin(&Receipt::named("x", "t"), clock, at(0.0));
        assert_eq!(plan.until_look(clock, at(0.0)), Duration::ZERO, "nothing is known: look");
        let plan = plan.looked(Some(&object(None)), clock, at(5.0));
        assert_eq!(plan.until_look(clock, at(5.0)), Duration::from_secs(4), "5 s after it was written");
        let plan = plan.looked(None, clock, at(9.0));
        assert!((seconds(plan.until_look(clock, at(9.0))) - 5.5).abs() < 0.001);
    }

    #[test]
    fn a_cancelled_order_is_looked_at_soon_whatever_its_estimate() {
        let clock = Clock::default();
        let plan = Plan::begin(&receipt(0.0), clock, at(0.0)).hurry(clock, at(1.0));
        assert!(seconds(plan.until_look(clock, at(1.0))) < 1.0);
        let plan = plan.looked(Some(&object(Some((500.0, 600.0)))), clock, at(2.0));
        assert!(seconds(plan.until_look(clock, at(2.0))) < 6.0);
    }
}
