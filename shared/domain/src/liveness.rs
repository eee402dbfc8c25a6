//! When a sweeper sees to an order, and what it does with it. Pure.
//!
//! Every order whose end is not published has an entry in a sparse index of the order table. The
//! entry says when the order is due: then a sweeper reads it and decides here. So the table alone
//! decides whether an order is forgotten, whatever happens to its message.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    claim::lease_left,
    discipline::Estimate,
    order::OrderRecord,
    problem::{Problem, ends},
    status::Status,
};

/// A sweeper sees to an order that a worker has at least this often.
const LEASED_MAX: TimeDelta = TimeDelta::minutes(15);

/// How long an order may be silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The least time before the message of an order is sent again.
    pub resend_after: Duration,
    /// Time before an order fails that has no deadline of its own.
    pub default_deadline: Duration,
}

/// What a sweeper does with an order that is due.
#[derive(Debug, Clone, PartialEq)]
pub enum Due {
    /// It has ended: publish it, and take it out of the index. If that fails it is due again at
    /// this time.
    Publish(DateTime<Utc>),
    /// It has not ended in time.
    Fail(Problem),
    /// Nothing. It is due again at this time.
    Wait(DateTime<Utc>),
    /// Send its message again: the one before may be lost. It is due again at this time.
    Send(DateTime<Utc>),
}

impl Patience {
    /// When an order that has just been accepted or redriven is due: after twice the time in which
    /// it should have ended.
    #[must_use]
    pub fn first_due(self, record: &OrderRecord) -> DateTime<Utc> {
        let begun = begun(record);
        let expected = record.state.eta.map_or(TimeDelta::zero(), |eta| (eta.latest_at - begun).max(TimeDelta::zero()));
        self.within_deadline(record, begun + self.wait().max(expected * 2))
    }

    /// Decides by what the order table says at `now`. `retry_max` is the longest that an order
    /// waits for its next attempt.
    ///
    /// A message is sent again further apart each time: an order waits as long again as it has
    /// waited. An order whose messages all come has that many more of them than a factor of two
    /// goes into its time, and each finds the order claimed or ended.
    #[must_use]
    pub fn decide(self, record: &OrderRecord, now: DateTime<Utc>, retry_max: Duration) -> Due {
        let state = &record.state;
        if state.status.is_final() {
            return Due::Publish(now + (now - state.updated_at).max(self.wait()));
        }
        if record.deadline(self.default_deadline) <= now {
            return Due::Fail(ends::deadline_exceeded());
        }
        // By the best guess: whether the order may be taken over its next worker decides.
        if let Some(left) = lease_left(record.lease.as_ref(), Estimate::exact(now)) {
            // Its worker renews the lease. How long the work has taken says how long it may take.
            let ran = now - state.started_at.unwrap_or(state.updated_at);
            let wait = TimeDelta::from_std(left).unwrap_or(LEASED_MAX).max((ran / 2).min(LEASED_MAX));
            return Due::Wait(self.within_deadline(record, now + wait + self.wait()));
        }
        let (since, patience) = match (&record.lease, state.status) {
            (Some(lease), _) => (lease.until, self.wait()),
            (None, Status::Pending) => (begun(record), self.wait()),
            // Its message waits for the next attempt.
            (None, _) => (state.updated_at, self.wait() + TimeDelta::from_std(retry_max).unwrap_or(TimeDelta::zero())),
        };
        let waited = now - since;
        if waited < patience {
            return Due::Wait(self.within_deadline(record, since + patience));
        }
        Due::Send(self.within_deadline(record, now + waited.max(self.wait())))
    }

    fn wait(self) -> TimeDelta {
        TimeDelta::from_std(self.resend_after).unwrap_or(TimeDelta::zero())
    }

    fn within_deadline(self, record: &OrderRecord, at: DateTime<Utc>) -> DateTime<Utc> {
        at.min(record.deadline(self.default_deadline))
    }
}

/// Since when an order may be worked on.
#[must_use]
pub fn begun(record: &OrderRecord) -> DateTime<Utc> {
    let accepted = record.state.redriven_at.unwrap_or(record.order.created_at);
    record.order.not_before.map_or(accepted, |at| at.max(accepted))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{fixtures, order::Lease, status::EtaWindow};

    const PATIENCE: Patience =
        Patience { resend_after: Duration::from_secs(60), default_deadline: Duration::from_secs(10_000) };
    const RETRY_MAX: Duration = Duration::from_secs(900);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn record() -> OrderRecord {
        fixtures::record(at(0))
    }

    fn decide(record: &OrderRecord, now: i64) -> Due {
        PATIENCE.decide(record, at(now), RETRY_MAX)
    }

    #[test]
    fn a_lost_message_is_sent_again_further_apart_each_time() {
        let r = record();
        let mut due = PATIENCE.first_due(&r);
        let mut sent = Vec::new();
        loop {
            match PATIENCE.decide(&r, due, RETRY_MAX) {
                Due::Send(next) => {
                    sent.push(due.timestamp());
                    due = next;
                }
                Due::Fail(problem) => break assert_eq!(problem.slug(), "deadline-exceeded"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(sent, [60, 120, 240, 480, 960, 1_920, 3_840, 7_680]);
        assert_eq!(due, at(10_000));
    }

    #[test]
    fn an_order_is_due_after_twice_its_estimate_and_not_after_its_deadline() {
        let mut r = record();
        r.state.eta = Some(EtaWindow { at: at(50), earliest_at: at(10), latest_at: at(100) });
        assert_eq!(PATIENCE.first_due(&r), at(200));
        r.order.not_before = Some(at(1_000));
        r.state.eta = Some(EtaWindow { at: at(1_001), earliest_at: at(1_000), latest_at: at(1_010) });
        assert_eq!(PATIENCE.first_due(&r), at(1_060));
        r.order.deadline_at = Some(at(1_005));
        assert_eq!(PATIENCE.first_due(&r), at(1_005));
        assert!(matches!(decide(&r, 1_005), Due::Fail(_)));
    }

    #[test]
    fn an_order_with_a_worker_is_left_to_it() {
        let mut r = record();
        r.state.status = Status::Processing;
        r.state.started_at = Some(at(100));
        r.lease = Some(Lease { owner: "a".into(), until: at(1_030) });
        assert_eq!(decide(&r, 1_000), Due::Wait(at(1_000 + 450 + 60)));
        r.lease = Some(Lease { owner: "a".into(), until: at(5_030) });
        assert_eq!(decide(&r, 5_000), Due::Wait(at(5_000 + 900 + 60)));
        // Its worker has died.
        assert_eq!(decide(&r, 5_089), Due::Wait(at(5_090)));
        assert_eq!(decide(&r, 5_090), Due::Send(at(5_150)));
    }

    #[test]
    fn an_order_that_waits_for_its_next_attempt_is_not_sent_before() {
        let mut r = record();
        r.state.status = Status::Processing;
        r.state.updated_at = at(500);
        assert_eq!(decide(&r, 600), Due::Wait(at(500 + 960)));
        assert_eq!(decide(&r, 1_460), Due::Send(at(1_460 + 960)));
    }

    #[test]
    fn an_ended_order_is_published_even_after_its_deadline() {
        let mut r = record();
        r.state.status = Status::Completed;
        r.state.updated_at = at(19_000);
        assert_eq!(decide(&r, 20_000), Due::Publish(at(21_000)));
    }

    proptest! {
        #[test]
        fn a_sweeper_comes_back_later_and_not_after_the_deadline(
            now in 0i64..20_000, started in 0i64..10_000, until in 0i64..12_000, leased: bool, processing: bool
        ) {
            let mut r = record();
            if processing {
                r.state.status = Status::Processing;
                r.state.started_at = Some(at(started));
                r.state.updated_at = at(started);
            }
            r.lease = leased.then(|| Lease { owner: String::new(), until: at(until) });
            match decide(&r, now) {
                Due::Wait(next) | Due::Send(next) => prop_assert!(next > at(now) && next <= at(10_000)),
                Due::Fail(_) => prop_assert!(now >= 10_000),
                Due::Publish(_) => prop_assert!(false),
            }
        }
    }
}
