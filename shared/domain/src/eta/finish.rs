//! The estimate for an order that is being worked on, and whether it should be published.

use chrono::{DateTime, Utc};

use super::{Estimate, ServiceTimes};
use crate::{
    schedule::{self, POLL_COST},
    status::EtaWindow,
};

/// Below this percentage the pace of the work so far does not predict the rest.
const HINT_MIN_PERCENT: u8 = 5;

/// What a PUT costs, in GETs: $5.00 and $0.40 a million, <https://aws.amazon.com/s3/pricing/>, in
/// November 2026. The two prices have the same ratio in
/// every region.
const GETS_PER_PUT: f64 = 12.5;

/// The estimate for an order that a worker has just started: it waits no longer.
#[must_use]
pub fn started(times: &ServiceTimes) -> Estimate {
    Estimate { p10: times.p10, p50: times.p50, p90: times.p90 }
}

/// The estimate from the progress of the work, `elapsed` seconds after its start: each percent of
/// the rest takes as long as each percent so far, give or take 10 %. `None` below 5 %.
#[must_use]
pub fn finish_hint(elapsed: f64, percent: u8) -> Option<Estimate> {
    if percent < HINT_MIN_PERCENT {
        return None;
    }
    let left = elapsed.max(0.0) * f64::from(100 - percent.min(100)) / f64::from(percent.min(100));
    Some(Estimate { p10: left * 0.9, p50: left, p90: left * 1.1 })
}

/// Whether a changed estimate alone is worth writing the status object: `old` is the window in the
/// object, `new` the window estimated at `now`.
///
/// Yes if it saves a client more than the `GETS_PER_PUT` that it costs: polls before `new`
/// begins, and delay, which the schedule takes at so many polls as it is `POLL_COST` of the
/// order's time. No if no client will poll before the end: nobody would read the new window.
#[must_use]
pub fn worth_publishing(old: &EtaWindow, new: &EtaWindow, accepted_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    let left = (new.at - now).as_seconds_f64();
    let next_poll = schedule::poll_after_since(old, accepted_at, now).as_secs_f64();
    if left <= 0.0 || next_poll >= left {
        return false;
    }
    let gap = |window| schedule::gap_at(window, accepted_at, new.at).as_secs_f64();
    let sooner = (gap(old) - gap(new)) / 2.0;
    let whole = (new.at - accepted_at).as_seconds_f64().max(left);
    wasted_polls(old, new, accepted_at, now) + sooner / (POLL_COST * whole) > GETS_PER_PUT
}

/// How often a client that expects `old` polls before `new` begins. Counts no further than one poll
/// beyond what a PUT costs.
fn wasted_polls(old: &EtaWindow, new: &EtaWindow, accepted_at: DateTime<Utc>, now: DateTime<Utc>) -> f64 {
    let mut poll = now + schedule::poll_after_since(old, accepted_at, now);
    let mut polls = 0.0;
    while poll < new.earliest_at && polls <= GETS_PER_PUT {
        poll += schedule::gap_at(old, accepted_at, poll);
        polls += 1.0;
    }
    polls
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn window(lo: i64, at: i64, hi: i64) -> EtaWindow {
        let t = |s| DateTime::UNIX_EPOCH + TimeDelta::seconds(s);
        EtaWindow { at: t(at), earliest_at: t(lo), latest_at: t(hi) }
    }

    #[test]
    fn progress_predicts_the_end() {
        assert_eq!(finish_hint(10.0, 4), None);
        let e = finish_hint(10.0, 50).unwrap();
        assert!((e.p50 - 10.0).abs() < 1e-9 && e.p10 < e.p50 && e.p50 < e.p90);
        assert!(finish_hint(10.0, 100).unwrap().p90 < 1e-9);
    }

    #[test]
    fn a_window_is_published_if_it_saves_more_than_a_put_costs() {
        let now = DateTime::UNIX_EPOCH;
        let worth = |old: &EtaWindow, new: &EtaWindow| worth_publishing(old, new, now, now);
        let old = window(5, 40, 105);
        assert!(!worth(&old, &old), "nothing new");
        assert!(!worth(&old, &window(38, 70, 110)), "about the same");
        assert!(!worth(&old, &window(54, 60, 66)), "much narrower: the end would be noticed 9 s sooner, for 12.5 GETs");
        assert!(!worth(&old, &window(9, 10, 11)), "over before the client polls again");
        assert!(worth(&window(5, 6, 7), &window(900, 1_000, 1_100)), "many wasted polls");
        assert!(!worth(&old, &window(-3, -2, -1)), "it should have ended");
    }
}
