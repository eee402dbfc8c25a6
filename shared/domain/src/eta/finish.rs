//! What is known once an order is being worked on, and whether a client should be told.

use chrono::{DateTime, Utc};

use super::{Estimate, ServiceTimes};
use crate::{schedule, status::EtaWindow};

/// The least percentage from which the pace of the work so far says something of the rest.
const TELLING_PERCENT: u8 = 5;

/// The looks in vain that a PUT is worth: it costs as much as 12.5 GETs.
const LOOKS_PER_PUT: u32 = 12;

/// The lateness, as a share of the time that is left, that is worth a PUT.
const LATENESS_WORTH_TELLING: f64 = 0.1;

/// The estimate for an order that a worker has just started: no more waiting.
#[must_use]
pub fn started(times: &ServiceTimes) -> Estimate {
    Estimate { p10: times.p10, p50: times.p50, p90: times.p90 }
}

/// The estimate from the work's own progress, `elapsed` seconds after its start: what is left takes as long for each
/// percent as what is done did, give or take 10 %. `None` below 5 %, where the ratio says little.
#[must_use]
pub fn finish_hint(elapsed: f64, percent: u8) -> Option<Estimate> {
    if percent < TELLING_PERCENT {
        return None;
    }
    let left = elapsed.max(0.0) * f64::from(100 - percent.min(100)) / f64::from(percent.min(100));
    Some(Estimate { p10: left * 0.9, p50: left, p90: left * 1.1 })
}

/// Whether a status object should be written for the sake of its window alone: `old` stands in the object, `new` is
/// what is believed at `now`. Yes if a client that follows `old` would look in vain so often that a PUT is cheaper, or
/// learn of the end so late that it matters; no if it will not look again before the end, because nobody would read it.
#[must_use]
pub fn worth_telling(old: &EtaWindow, new: &EtaWindow, now: DateTime<Utc>) -> bool {
    let seconds = |t: DateTime<Utc>| (t - now).as_seconds_f64();
    let left = seconds(new.at);
    let next_look = schedule::poll_after(old, now).as_secs_f64();
    if left <= 0.0 || next_look >= left {
        return false;
    }
    let gap = |window| schedule::gap_at(window, now, new.at).as_secs_f64();
    let sooner = (gap(old) - gap(new)) / 2.0;
    sooner > LATENESS_WORTH_TELLING * left || looks_in_vain(old, new, now) > LOOKS_PER_PUT
}

/// How often a client that follows `old` looks before `new` begins; counted no further than is worth a PUT.
fn looks_in_vain(old: &EtaWindow, new: &EtaWindow, now: DateTime<Utc>) -> u32 {
    let mut look = now + schedule::poll_after(old, now);
    let mut looks = 0;
    while look < new.earliest_at && looks <= LOOKS_PER_PUT {
        look += schedule::gap_at(old, now, look);
        looks += 1;
    }
    looks
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
    fn progress_tells_the_finish() {
        assert_eq!(finish_hint(10.0, 4), None);
        let e = finish_hint(10.0, 50).unwrap();
        assert!((e.p50 - 10.0).abs() < 1e-9 && e.p10 < e.p50 && e.p50 < e.p90);
        assert!(finish_hint(10.0, 100).unwrap().p90 < 1e-9);
    }

    #[test]
    fn only_what_changes_a_clients_looks_is_told() {
        let now = DateTime::UNIX_EPOCH;
        let old = window(5, 40, 105);
        assert!(!worth_telling(&old, &old, now), "nothing new");
        assert!(!worth_telling(&old, &window(38, 70, 110), now), "about the same");
        assert!(worth_telling(&old, &window(54, 60, 66), now), "much narrower: the end is seen sooner");
        assert!(!worth_telling(&old, &window(9, 10, 11), now), "over before the client looks again");
        assert!(worth_telling(&window(5, 6, 7), &window(900, 1_000, 1_100), now), "many looks in vain");
        assert!(!worth_telling(&old, &window(-3, -2, -1), now), "it should be over");
    }
}
