//! When to look next: the schedule of the service, on this machine's clock. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offload_shared::{
    schedule::Schedule,
    status::{EtaWindow, StatusObject},
};

/// Between two looks, whatever anybody says.
const SHORTEST: Duration = Duration::from_millis(100);
/// Between two looks, where nothing says when the order may be done.
const UNKNOWN: Duration = Duration::from_secs(2);
/// The `Date` header has whole seconds, so a smaller difference of the clocks cannot be told from none.
const SKEW_SEEN: TimeDelta = TimeDelta::milliseconds(1_500);

/// One order's looks.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// When the order was accepted.
    origin: DateTime<Utc>,
    window: Option<EtaWindow>,
    schedule: Option<Schedule>,
    /// Where there is no window: the time that the service named.
    fallback: Option<DateTime<Utc>>,
    /// What the service's clock is ahead of this machine's.
    skew: TimeDelta,
}

impl Plan {
    /// The looks at an order accepted at `origin`.
    pub(crate) fn new(origin: DateTime<Utc>, window: Option<EtaWindow>) -> Self {
        let schedule = window.as_ref().map(|w| {
            let (lo, hi) = seconds(w, origin);
            Schedule::new(lo, hi)
        });
        Self { origin, window, schedule, fallback: None, skew: TimeDelta::zero() }
    }

    /// When the order was accepted, on the service's clock.
    pub(crate) fn origin(&self) -> DateTime<Utc> {
        self.origin
    }

    /// The latest word on when it will be done.
    pub(crate) fn window(&self) -> Option<&EtaWindow> {
        self.window.as_ref()
    }

    /// The service's clock, when this machine's shows `local`.
    pub(crate) fn service_time(&self, local: DateTime<Utc>) -> DateTime<Utc> {
        local + self.skew
    }

    /// Corrects this machine's clock by the `Date` of an answer that came at `local`.
    pub(crate) fn heard(&mut self, date: DateTime<Utc>, local: DateTime<Utc>) {
        // A date is cut to its second: on average it is half a second old.
        let skew = date + TimeDelta::milliseconds(500) - local;
        self.skew = if skew.abs() < SKEW_SEEN { TimeDelta::zero() } else { skew };
    }

    /// After a look, at `local`, that found this object, or that found the object unchanged.
    pub(crate) fn looked(&mut self, object: Option<&StatusObject>, local: DateTime<Utc>) {
        let now = self.service_time(local);
        if let Some(o) = object {
            self.fallback = o.poll_after_ms.map(|ms| now + Duration::from_millis(ms));
            if !same(self.window.as_ref(), o.eta.as_ref()) {
                self.origin = o.created_at;
                self.window = o.eta;
                self.schedule = o.eta.as_ref().map(|w| {
                    let (lo, hi) = seconds(w, self.origin);
                    looked_at((now - self.origin).as_seconds_f64()).moved(lo, hi)
                });
                return;
            }
        }
        self.schedule = self.schedule.map(Schedule::looked);
        self.fallback = self.fallback.filter(|at| *at > now);
        self.catch_up(now);
    }

    /// The time from `local` to the next look, before jitter.
    pub(crate) fn wait(&self, local: DateTime<Utc>) -> Duration {
        let now = self.service_time(local);
        let next = match &self.schedule {
            Some(s) => Some(self.origin + TimeDelta::milliseconds(millis(s.next_look()))),
            None => self.fallback,
        };
        next.map_or(UNKNOWN, |at| (at - now).to_std().unwrap_or_default())
    }

    /// Drops the looks that were due before `now`: one look makes up for all of them.
    fn catch_up(&mut self, now: DateTime<Utc>) {
        let gone = (now - self.origin).as_seconds_f64() + SHORTEST.as_secs_f64();
        // Each step is at least a tenth of the lateness, so the end comes after a few dozen.
        while let Some(s) = self.schedule.filter(|s| s.next_look() < gone) {
            self.schedule = Some(s.looked());
        }
    }
}

/// Whether two windows are one: a receipt states its own to a tenth of a second.
fn same(a: Option<&EtaWindow>, b: Option<&EtaWindow>) -> bool {
    let near = |a: DateTime<Utc>, b: DateTime<Utc>| (a - b).abs() <= TimeDelta::milliseconds(100);
    match (a, b) {
        (Some(a), Some(b)) => near(a.at, b.at) && near(a.earliest_at, b.earliest_at) && near(a.latest_at, b.latest_at),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// A schedule whose last look was `t` seconds after the order: that of an order without a spread, due just before.
fn looked_at(t: f64) -> Schedule {
    let first = Schedule::new(0.0, 0.0).next_look();
    Schedule::new(t - first, t - first)
}

fn seconds(w: &EtaWindow, origin: DateTime<Utc>) -> (f64, f64) {
    ((w.earliest_at - origin).as_seconds_f64(), (w.latest_at - origin).as_seconds_f64())
}

fn millis(seconds: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "clamped to ten years of milliseconds")]
    let ms = (seconds.clamp(0.0, 315_360_000.0) * 1e3).ceil() as i64;
    ms
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(seconds: f64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::milliseconds(millis(seconds))
    }

    fn window(lo: f64, mid: f64, hi: f64) -> EtaWindow {
        EtaWindow { at: at(mid), earliest_at: at(lo), latest_at: at(hi) }
    }

    fn object(eta: Option<EtaWindow>) -> StatusObject {
        serde_json::from_value(json!({
            "id": "0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f", "status": "processing", "done": false, "revision": 2, "generation": 1, "attempt": 1,
            "created_at": at(0.0), "updated_at": at(4.0), "started_at": null, "finished_at": null, "progress": null,
            "eta": eta, "poll_after_ms": 5_000, "result": null, "result_url": null, "error": null, "renew": ""
        }))
        .unwrap()
    }

    /// The time of a schedule's next look, as [`Plan`] rounds it.
    fn look(schedule: &Schedule) -> Duration {
        Duration::from_millis(u64::try_from(millis(schedule.next_look())).unwrap())
    }

    #[test]
    fn the_first_look_comes_when_the_schedule_says() {
        let plan = Plan::new(at(0.0), Some(window(9.0, 12.0, 20.0)));
        assert_eq!(plan.wait(at(0.0)), look(&Schedule::new(9.0, 20.0)));
        assert_eq!(plan.wait(at(50.0)), Duration::ZERO);
    }

    #[test]
    fn a_client_that_comes_late_looks_once_and_then_at_its_pace() {
        let mut plan = Plan::new(at(0.0), Some(window(9.0, 12.0, 20.0)));
        plan.looked(None, at(1_000.0));
        let wait = plan.wait(at(1_000.0));
        assert!(wait >= SHORTEST && wait < Duration::from_secs(120), "{wait:?}");
    }

    #[test]
    fn a_newer_window_is_taken() {
        let mut plan = Plan::new(at(0.0), Some(window(9.0, 12.0, 20.0)));
        let looked = Schedule::new(9.0, 20.0).next_look();
        plan.looked(Some(&object(Some(window(100.0, 110.0, 120.0)))), at(looked));
        let moved = Schedule::new(9.0, 20.0).moved(100.0, 120.0);
        assert_eq!(plan.wait(at(looked)) + look(&Schedule::new(9.0, 20.0)), look(&moved));
    }

    #[test]
    fn a_window_that_differs_by_its_rounding_is_no_newer_one() {
        // Handed out 2 s after the order, to a tenth of a second.
        let mut plan = Plan::new(at(2.0), Some(window(9.0, 12.0, 20.0)));
        let mut same = plan.clone();
        same.looked(None, at(10.7));
        plan.looked(Some(&object(Some(window(9.04, 11.96, 20.0)))), at(10.7));
        assert_eq!((plan.wait(at(10.7)), plan.origin()), (same.wait(at(10.7)), at(2.0)));
    }

    #[test]
    fn a_receipt_that_was_handed_out_late_does_not_shift_the_looks() {
        let mut plan = Plan::new(at(100.0), Some(window(100.0, 100.0, 101.0)));
        plan.looked(Some(&object(Some(window(90.0, 120.0, 150.0)))), at(100.5));
        // One step of the wider window after the look.
        let wait = plan.wait(at(100.5));
        assert!((Duration::from_secs(10)..Duration::from_secs(30)).contains(&wait), "{wait:?}");
    }

    #[test]
    fn without_a_window_the_service_names_the_time() {
        let mut plan = Plan::new(at(0.0), None);
        assert_eq!(plan.wait(at(0.0)), UNKNOWN);
        plan.looked(Some(&object(None)), at(1.0));
        assert_eq!(plan.wait(at(1.0)), Duration::from_secs(5));
        plan.looked(None, at(6.0));
        assert_eq!(plan.wait(at(6.0)), UNKNOWN);
    }

    #[test]
    fn a_wrong_clock_is_corrected_and_a_rounded_date_is_not_taken_for_one() {
        let mut plan = Plan::new(at(1_000.0), Some(window(1_009.0, 1_012.0, 1_020.0)));
        plan.heard(at(1_001.0), at(1_001.9));
        assert_eq!(plan.service_time(at(5.0)), at(5.0));
        // This machine thinks that it is 1970.
        let right = plan.wait(at(1_001.5));
        plan.heard(at(1_001.0), at(1.5));
        let wait = plan.wait(at(1.5));
        assert!(wait.abs_diff(right) <= Duration::from_secs(1), "{wait:?} {right:?}");
    }
}
