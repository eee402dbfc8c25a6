//! What a worker does with an order that the queue delivers. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
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

/// A lease is over for others only so long after its end: it was written by another machine, and
/// what is left of the difference between two clocks that both go by AWS's time is less.
pub const LEASE_MARGIN: TimeDelta = TimeDelta::seconds(2);

/// Leases that have ended by this time may be taken over at `now`.
#[must_use]
pub fn over_if_ended_by(now: DateTime<Utc>) -> DateTime<Utc> {
    now - LEASE_MARGIN
}

/// How long a lease still keeps others away; `None` if it does not any more.
#[must_use]
pub fn lease_left(lease: Option<&Lease>, now: DateTime<Utc>) -> Option<Duration> {
    let left = lease?.until - over_if_ended_by(now);
    left.to_std().ok().filter(|left| !left.is_zero())
}

/// Decides by what the order table says at `now`. `max_attempts` counts every start, also those
/// whose worker died, but not those that a worker handed back because it shut down.
#[must_use]
pub fn decide(record: &OrderRecord, now: DateTime<Utc>, limits: Limits) -> Decision {
    let state = &record.state;
    if state.status.is_final() {
        return Decision::Republish;
    }
    if let Some(left) = lease_left(record.lease.as_ref(), now) {
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

    #[test]
    fn a_leased_order_is_left_to_its_worker() {
        let mut r = record();
        r.state.status = Status::Processing;
        r.state.attempt = 1;
        r.lease = Some(Lease { owner: "a".into(), until: at(30) });
        r.cancel_requested = true;
        assert_eq!(decide(&r, at(10), LIMITS), Decision::Wait(Duration::from_secs(22)));
        let just_ended = Decision::Wait(Duration::from_secs(1));
        assert_eq!(decide(&r, at(31), LIMITS), just_ended, "its holder's clock may be behind");
        assert_eq!(decide(&r, at(32), LIMITS), Decision::Cancel);
        r.cancel_requested = false;
        assert_eq!(decide(&r, at(32), LIMITS), Decision::Run);
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
