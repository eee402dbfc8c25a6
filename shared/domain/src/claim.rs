//! What a worker does with an order that the queue delivers. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    discipline::Estimate,
    order::{Lease, OrderRecord},
    problem::{Problem, ends},
    status::Status,
};

/// What to do with a delivery.
#[derive(Debug, Clone, PartialEq)]
pub enum Decision {
    /// Start an attempt.
    Run,
    /// End it as failed without running it.
    Fail(Problem),
    /// End it as cancelled without running it.
    Cancel,
    /// It has ended already. Make sure that the status object says so, then settle the delivery: an
    /// earlier worker may have died between the two writes.
    Republish,
    /// Not now: another worker has it, or it is not due. Try again after this long.
    Wait(Duration),
}

/// What a worker allows an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Attempts before it fails.
    pub max_attempts: u32,
    /// Time before it fails, for an order that has no deadline of its own.
    pub default_deadline: Duration,
}

/// When a lease ends that begins now. It was written by one machine and is judged by another: so it
/// ends by the latest that the time may be here, and is over for others by the earliest that it may
/// be there, and no clock that is as exact as it says can shorten it.
#[must_use]
pub fn lease_end(time: Estimate, term: Duration) -> DateTime<Utc> {
    time.latest() + TimeDelta::from_std(term).unwrap_or(TimeDelta::seconds(30))
}

/// How long a lease still keeps others away; `None` if it does not any more.
#[must_use]
pub fn lease_left(lease: Option<&Lease>, time: Estimate) -> Option<Duration> {
    let left = lease?.until - time.earliest();
    left.to_std().ok().filter(|left| !left.is_zero())
}

/// Decides by what the order table says at a time. `max_attempts` counts every start, also those
/// whose worker died, but not those that a worker handed back because it shut down.
#[must_use]
pub fn decide(record: &OrderRecord, time: Estimate, limits: Limits) -> Decision {
    let now = time.now;
    let state = &record.state;
    if state.status.is_final() {
        return Decision::Republish;
    }
    if let Some(left) = lease_left(record.lease.as_ref(), time) {
        return Decision::Wait(left);
    }
    if record.cancel_requested {
        return Decision::Cancel;
    }
    if record.deadline(limits.default_deadline) <= now {
        return Decision::Fail(ends::deadline_exceeded());
    }
    if let Some(at) = record.order.not_before.filter(|at| *at > now && state.status == Status::Pending) {
        return Decision::Wait((at - now).to_std().unwrap_or_default());
    }
    if state.attempts_made() >= limits.max_attempts {
        let last = state.error.as_ref().and_then(|e| e.detail.as_deref());
        return Decision::Fail(ends::attempts_exhausted(state.attempt, last));
    }
    Decision::Run
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::{fixtures, order::Lease};

    const LIMITS: Limits = Limits { max_attempts: 5, default_deadline: Duration::from_secs(1_000) };

    fn record() -> OrderRecord {
        fixtures::record(DateTime::UNIX_EPOCH)
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn decide(record: &OrderRecord, now: DateTime<Utc>, limits: Limits) -> Decision {
        super::decide(record, Estimate::exact(now), limits)
    }

    #[test]
    fn a_leased_order_is_left_to_its_worker() {
        let mut r = record();
        r.state.status = Status::Processing;
        r.state.attempt = 1;
        r.lease = Some(Lease { owner: "a".into(), until: at(30) });
        r.cancel_requested = true;
        assert_eq!(decide(&r, at(10), LIMITS), Decision::Wait(Duration::from_secs(20)));
        assert_eq!(decide(&r, at(30), LIMITS), Decision::Cancel);
        r.cancel_requested = false;
        assert_eq!(decide(&r, at(30), LIMITS), Decision::Run);
    }

    #[test]
    fn clocks_that_are_off_by_what_they_admit_do_not_shorten_a_lease() {
        let off = |by: i64, admits: i64| Estimate {
            now: at(100 + by),
            uncertainty: Some(TimeDelta::seconds(admits)),
            offset: TimeDelta::zero(),
        };
        for (holder, other) in [(-3, 2), (3, -2), (-3, -2), (3, 2)] {
            let until = lease_end(off(holder, 3), Duration::from_secs(30));
            assert!(until >= at(130), "{holder}: {until}");
            // At its true end, by the clock of another machine.
            let judged = Estimate { now: at(129 + other), ..off(other, 2) };
            let lease = Lease { owner: "a".into(), until };
            assert!(lease_left(Some(&lease), judged).is_some(), "{holder} {other}");
            let judged = Estimate { now: at(140 + other), ..off(other, 2) };
            assert_eq!(lease_left(Some(&lease), judged), None, "{holder} {other}");
        }
        let (unknown, lease) =
            (Estimate { uncertainty: None, ..off(0, 0) }, Lease { owner: "a".into(), until: at(100) });
        assert_eq!(lease_left(Some(&lease), unknown), Some(Duration::from_secs(1)));
        assert_eq!(lease_end(unknown, Duration::from_secs(30)), at(131));
    }

    #[test]
    fn an_order_is_not_tried_for_ever() {
        let mut r = record();
        r.state.attempt = 5;
        assert!(matches!(decide(&r, at(0), LIMITS), Decision::Fail(p) if p.slug() == "attempts-exhausted"));
        r.state.handed_back = 1;
        assert_eq!(decide(&r, at(0), LIMITS), Decision::Run, "a deployment does not count");
    }

    #[test]
    fn an_order_waits_for_its_time_and_ends_at_its_deadline() {
        let mut r = record();
        r.order.not_before = Some(at(100));
        r.order.deadline_at = Some(at(200));
        assert_eq!(decide(&r, at(40), LIMITS), Decision::Wait(Duration::from_secs(60)));
        assert_eq!(decide(&r, at(100), LIMITS), Decision::Run);
        assert!(matches!(decide(&r, at(200), LIMITS), Decision::Fail(p) if p.slug() == "deadline-exceeded"));
    }

    #[test]
    fn an_order_without_a_deadline_has_one_all_the_same_and_a_redriven_one_gets_it_anew() {
        let mut r = record();
        assert_eq!(decide(&r, at(999), LIMITS), Decision::Run);
        assert!(matches!(decide(&r, at(1_000), LIMITS), Decision::Fail(p) if p.slug() == "deadline-exceeded"));
        r.state.redriven_at = Some(at(5_000));
        assert_eq!(decide(&r, at(5_999), LIMITS), Decision::Run);
        r.order.deadline_at = Some(at(50));
        assert_eq!(decide(&r, at(5_049), LIMITS), Decision::Run);
        assert!(matches!(decide(&r, at(5_050), LIMITS), Decision::Fail(_)));
    }

    #[test]
    fn an_ended_order_is_only_published() {
        let mut r = record();
        r.state.status = Status::Cancelled;
        r.cancel_requested = true;
        r.lease = Some(Lease { owner: "a".into(), until: at(30) });
        assert_eq!(decide(&r, at(0), LIMITS), Decision::Republish);
    }
}
