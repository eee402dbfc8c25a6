//! A group: the orders that one batch gave, which have one status object for all. Pure.
//!
//! Its row has the places of the orders that have ended, as sets: to add a place again changes
//! nothing, so that an end that is counted twice, after a crash, counts once. Each place counts as
//! its order ended first: an order that an operator redrives later is not counted again.

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    id::OrderId,
    labels::Labels,
    schedule,
    status::{EtaWindow, GroupCounts, ProgressReport, Status, StatusObject},
    tenant::Tenant,
    trace::TraceContext,
};

/// The status object of a group is written so often at most while its orders end, and at the end.
const WRITES_MAX: u32 = 20;
/// By how much the end may be earlier or later that is expected from the orders that have ended, as
/// a share of the time since the batch was accepted.
const EXPECTED_SPREAD: f64 = 0.15;

/// Where an order is in its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupPlace {
    /// The group.
    pub group: OrderId,
    /// The order's place, from 0.
    pub place: u16,
}

/// The row of a group.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Its id, which has the form of an order's.
    pub id: OrderId,
    /// Whose it is.
    pub tenant: Tenant,
    /// When its batch was accepted.
    pub created_at: DateTime<Utc>,
    /// When its last order was expected to end, at that time.
    pub eta: EtaWindow,
    /// Where the service answers for it.
    pub renew: String,
    /// The W3C trace context of the request.
    pub trace: Option<TraceContext>,
    /// Orders that were to be written.
    pub orders: u32,
    /// Those that could not be accepted after all.
    pub refused: u32,
    /// Those that were completed.
    pub completed: u32,
    /// Those that failed.
    pub failed: u32,
    /// Those that were cancelled.
    pub cancelled: u32,
}

impl Group {
    /// How its orders have ended.
    #[must_use]
    pub fn counts(&self) -> GroupCounts {
        let &Self { orders, refused, completed, failed, cancelled, .. } = self;
        let total = orders.saturating_sub(refused);
        let open = total.saturating_sub(completed + failed + cancelled);
        GroupCounts { total, completed, failed, cancelled, open }
    }

    /// Whether all have ended.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.counts().open == 0
    }

    /// Orders of which nothing is expected any more.
    fn settled(&self) -> u32 {
        self.refused + self.completed + self.failed + self.cancelled
    }

    /// Whether its status object is worth a write, with the order that has just ended.
    #[must_use]
    pub fn is_worth_publishing(&self) -> bool {
        self.is_done() || self.settled().is_multiple_of(self.orders.div_ceil(WRITES_MAX).max(1))
    }

    /// When its last order should end, at `now`: by the pace so far, once there is one.
    #[must_use]
    pub fn expected(&self, now: DateTime<Utc>) -> EtaWindow {
        let GroupCounts { total, open, .. } = self.counts();
        let ended = total.saturating_sub(open);
        if ended < total.div_ceil(WRITES_MAX) || ended == 0 {
            return self.eta;
        }
        let since = (now - self.created_at).as_seconds_f64().max(0.0);
        let left = since * f64::from(open) / f64::from(ended);
        let at = |seconds: f64| {
            // Orders are kept for a bounded time, and so are groups.
            #[expect(clippy::cast_possible_truncation, reason = "bounded to ten years of milliseconds")]
            let ms = (seconds.clamp(0.0, 315_360_000.0) * 1_000.0) as i64;
            now + TimeDelta::milliseconds(ms)
        };
        let spread = left * EXPECTED_SPREAD;
        EtaWindow { at: at(left), earliest_at: at(left - spread), latest_at: at(left + spread) }
    }

    /// Its status object at `now`. It has the members of an order's, so that the same client reads
    /// it, and `counts`.
    #[must_use]
    pub fn status_object(&self, now: DateTime<Utc>) -> StatusObject {
        let counts @ GroupCounts { total, open, .. } = self.counts();
        let (done, ended) = (open == 0, total.saturating_sub(open));
        let status = match (done, ended) {
            (true, _) => Status::Completed,
            (false, 0) => Status::Pending,
            (false, _) => Status::Processing,
        };
        let percent = u8::try_from(ended * 100 / total.max(1)).unwrap_or(100);
        let window = self.expected(now);
        let poll_after_ms = schedule::poll_after_ms_since(&window, self.created_at, now);
        StatusObject {
            id: self.id,
            status,
            done,
            revision: u64::from(self.settled()) + 1,
            generation: 1,
            attempt: 0,
            created_at: self.created_at,
            updated_at: now,
            started_at: None,
            finished_at: done.then_some(now),
            progress: (ended > 0).then(|| ProgressReport::new(percent, None)),
            eta: (!done).then_some(window),
            poll_after_ms: (!done).then_some(poll_after_ms),
            result: None,
            result_url: None,
            result_url_expires_at: None,
            error: None,
            renew: self.renew.clone(),
            labels: Labels::default(),
            counts: Some(counts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn group(orders: u32) -> Group {
        Group {
            id: OrderId::new(at(0)),
            tenant: Tenant::default(),
            created_at: at(0),
            eta: EtaWindow { at: at(60), earliest_at: at(50), latest_at: at(90) },
            renew: "https://api/group/x".to_owned(),
            trace: None,
            orders,
            refused: 0,
            completed: 0,
            failed: 0,
            cancelled: 0,
        }
    }

    #[test]
    fn a_group_is_done_when_each_accepted_order_has_ended() {
        let mut group = group(10);
        let new = group.status_object(at(0));
        assert_eq!((new.status, new.done, new.revision, new.progress), (Status::Pending, false, 1, None));
        assert_eq!(new.eta, Some(group.eta));
        (group.refused, group.completed, group.failed) = (2, 4, 1);
        let counts = GroupCounts { total: 8, completed: 4, failed: 1, cancelled: 0, open: 3 };
        let object = group.status_object(at(10));
        assert_eq!((object.counts, object.status, object.revision), (Some(counts), Status::Processing, 8));
        assert_eq!(object.progress.unwrap().percent, 62);
        assert_eq!(object.eta.unwrap().at, at(16), "three more at the pace of five in ten seconds");
        group.cancelled = 3;
        let end = group.status_object(at(20));
        assert_eq!((end.status, end.done, end.revision), (Status::Completed, true, 11));
        assert_eq!((end.finished_at, end.eta, end.poll_after_ms), (Some(at(20)), None, None));
    }

    #[test]
    fn a_large_group_is_written_twenty_times_and_a_small_one_at_each_end() {
        let writes = |orders: u32| {
            (1..=orders).filter(|n| Group { completed: *n, ..group(orders) }.is_worth_publishing()).count()
        };
        assert_eq!([1, 7, 20, 21, 100, 999, 1_000].map(writes), [1, 7, 20, 11, 20, 20, 20]);
    }

    #[test]
    fn the_object_of_a_group_has_no_more_bytes_than_that_of_an_order() {
        let group = Group { completed: 999, failed: 1, ..group(1_001) };
        let object = serde_json::to_string(&group.status_object(at(5))).unwrap();
        assert!(object.len() < 1_024, "{object}");
    }
}
