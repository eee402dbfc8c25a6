//! The orders of the index as they were at one time. Pure: what was read is given.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    history::{REPORT_TTL, WorkerReport},
    id::OrderId,
    order::OrderRecord,
    problem::ends,
    status::Status,
};
use offload_stores::StoredAction;

/// An order that ended well, or is gone, is remembered so long: every subscriber gets it.
const REMEMBERED: TimeDelta = TimeDelta::seconds(30);
/// Workers that did not report for so long are left out.
const RECENT: TimeDelta = TimeDelta::minutes(1);

/// So many of a list, and whether there are more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) count: usize,
    pub(crate) more: bool,
}

/// What was read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    /// When.
    pub(crate) as_of: DateTime<Utc>,
    /// The open orders that fall due next.
    pub(crate) open: BTreeMap<OrderId, OrderRecord>,
    /// The orders that failed last.
    pub(crate) failed: BTreeMap<OrderId, OrderRecord>,
    /// All open ones.
    pub(crate) open_count: Tally,
    /// All failed ones.
    pub(crate) failed_count: Tally,
    /// Those that left the index not long ago, and when that was seen.
    pub(crate) left: BTreeMap<OrderId, (DateTime<Utc>, Option<OrderRecord>)>,
    /// The last reports of the workers.
    pub(crate) workers: Vec<WorkerReport>,
    /// The newest bulk actions.
    pub(crate) actions: Vec<StoredAction>,
}

impl Snapshot {
    /// Orders that were dead-lettered, among those that failed last.
    pub(crate) fn dead(&self) -> Tally {
        let is_dead = |r: &&OrderRecord| r.state.error.as_ref().is_some_and(ends::is_dead);
        let more = self.failed_count.more || self.failed.len() < self.failed_count.count;
        Tally { count: self.failed.values().filter(is_dead).count(), more }
    }

    /// Whether it has every open order.
    pub(crate) fn has_all_open(&self) -> bool {
        !self.open_count.more && self.open.len() >= self.open_count.count
    }

    /// The open orders of a status.
    pub(crate) fn of(&self, status: Status) -> impl Iterator<Item = &OrderRecord> {
        self.open.values().filter(move |record| record.state.status == status)
    }

    /// The reports of the last minute, and whether each worker is alive.
    pub(crate) fn recent_workers(&self) -> impl Iterator<Item = (&WorkerReport, bool)> {
        let recent = self.workers.iter().filter(|report| self.as_of - report.reported_at <= RECENT);
        recent.map(|report| (report, self.as_of - report.reported_at <= REPORT_TTL))
    }

    /// Orders whose worker has not reported for a minute: it may have died.
    pub(crate) fn without_worker(&self) -> impl Iterator<Item = &OrderRecord> {
        let alive: BTreeSet<&str> = self.recent_workers().map(|(report, _)| report.worker.as_str()).collect();
        self.of(Status::Processing).filter(move |r| r.worker().is_none_or(|name| !alive.contains(name)))
    }

    /// The orders that were in the last one and are not in this one: they are to be read once more.
    pub(crate) fn left_since(&self, last: &Self) -> Vec<OrderId> {
        let known = last.open.keys().chain(last.failed.keys());
        known.filter(|id| !self.open.contains_key(id) && !self.failed.contains_key(id)).copied().collect()
    }

    /// Remembers those, as they are now, with what the last one remembered.
    pub(crate) fn remember(&mut self, last: &Self, now_left: Vec<(OrderId, Option<OrderRecord>)>) {
        let lately = |(at, _): &(DateTime<Utc>, _)| self.as_of - *at <= REMEMBERED;
        let still = last.left.iter().filter(|(_, left)| lately(left)).map(|(id, left)| (*id, left.clone()));
        let mut left: BTreeMap<_, _> = still.collect();
        // What is still open has only fallen behind others in the list.
        let is_over = |record: &OrderRecord| record.due_at.is_none() && record.state.status.is_final();
        let over = now_left.into_iter().filter(|(_, record)| record.as_ref().is_none_or(is_over));
        left.extend(over.map(|(id, record)| (id, (self.as_of, record))));
        self.left = left;
    }
}

#[cfg(test)]
mod tests {
    use offload_domain::{fixtures, transition::Transition};

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn an_order_that_leaves_the_index_is_seen_once_more_for_a_while() {
        let record = fixtures::record(at(0));
        let id = record.order.id;
        let last = Snapshot { as_of: at(1), open: [(id, record.clone())].into(), ..Snapshot::default() };
        let mut next = Snapshot { as_of: at(2), ..Snapshot::default() };
        assert_eq!(next.left_since(&last), [id]);
        next.remember(&last, vec![(id, Some(record.clone()))]);
        assert!(next.left.is_empty(), "it is open, and only behind others");
        let ended = OrderRecord { state: record.state.apply(Transition::Cancel, at(2)).unwrap(), ..record };
        next.remember(&last, vec![(id, Some(ended))]);
        assert_eq!(next.left.len(), 1);
        for (seconds, remembered) in [(30, 1), (33, 0)] {
            let mut later = Snapshot { as_of: at(seconds), ..Snapshot::default() };
            later.remember(&next, Vec::new());
            assert_eq!(later.left.len(), remembered, "after {seconds} s");
        }
    }
}
