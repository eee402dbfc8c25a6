//! Reads the index while somebody asks for it: once a second at most, however many do.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use offload_domain::{
    id::OrderId,
    minutes::MINUTES,
    order::OrderRecord,
    order_list::{Listed, OrderFilter},
};
use offload_service::clock;
use offload_stores::{Error, OrderTable};
use parking_lot::Mutex;

use super::snapshot::{Snapshot, Tally};

/// What was read is used for so long.
const FRESH: Duration = Duration::from_secs(1);
/// Entries that are counted of each of the index's sixteen shards.
const COUNTED: i32 = 100;
/// Open orders that are read.
const OPEN_MAX: usize = 100;
/// Failed orders that are read. One that is known is not read again: only a redrive changes it.
const FAILED_MAX: usize = 200;
/// Bulk actions that are read.
const ACTIONS: i32 = 20;
/// Reads at the same time.
const READS: usize = 16;

/// A figure that is known only while somebody asks, minute by minute.
#[derive(Debug, Default)]
struct Seen(VecDeque<(i64, f64)>);

impl Seen {
    fn put(&mut self, value: f64, now: DateTime<Utc>) {
        let minute = now.timestamp().div_euclid(60);
        match self.0.back_mut() {
            Some((last, seen)) if *last == minute => *seen = value,
            _ => self.0.push_back((minute, value)),
        }
        while self.0.len() > MINUTES {
            self.0.pop_front();
        }
    }

    /// The last hour, the oldest first; `None` for minutes in which nobody asked.
    fn series(&self, now: DateTime<Utc>) -> Vec<Option<f64>> {
        let minute = now.timestamp().div_euclid(60);
        let of = |m| self.0.iter().find(|(at, _)| *at == m).map(|(_, value)| *value);
        (0..MINUTES as i64).rev().map(|back| of(minute - back)).collect()
    }
}

/// The figures that are known only while somebody asks.
#[derive(Debug, Clone, Default)]
pub(crate) struct SeenMinutes {
    pub(crate) waiting: Vec<Option<f64>>,
    pub(crate) running: Vec<Option<f64>>,
    pub(crate) dead: Vec<Option<f64>>,
}

#[derive(Debug, Default)]
struct State {
    snapshot: Arc<Snapshot>,
    read_at: Option<Instant>,
    failing: bool,
    waiting: Seen,
    running: Seen,
    dead: Seen,
}

/// What this server last read of the index.
#[derive(Debug, Default)]
pub(crate) struct IndexReader {
    state: Mutex<State>,
    /// One read at a time.
    reading: tokio::sync::Mutex<()>,
}

impl IndexReader {
    /// What the index has, as of a second ago at most.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) async fn snapshot(&self, orders: &OrderTable) -> Result<Arc<Snapshot>, Error> {
        let _one = self.reading.lock().await;
        let last = {
            let state = self.state.lock();
            if state.read_at.is_some_and(|at| at.elapsed() < FRESH) {
                return Ok(Arc::clone(&state.snapshot));
            }
            Arc::clone(&state.snapshot)
        };
        let read = read(orders, &last).await;
        let mut state = self.state.lock();
        state.failing = read.is_err();
        let snapshot = Arc::new(read?);
        (state.snapshot, state.read_at) = (Arc::clone(&snapshot), Some(Instant::now()));
        let (dead, now) = (snapshot.dead().count, snapshot.as_of);
        state.dead.put(dead as f64, now);
        Ok(snapshot)
    }

    /// Whether the last read failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.state.lock().failing
    }

    /// Records what waits and runs, and answers with the last hour.
    pub(crate) fn record_depths(&self, waiting: u64, running: u64, now: DateTime<Utc>) -> SeenMinutes {
        let mut state = self.state.lock();
        state.waiting.put(waiting as f64, now);
        state.running.put(running as f64, now);
        let State { waiting, running, dead, .. } = &*state;
        SeenMinutes { waiting: waiting.series(now), running: running.series(now), dead: dead.series(now) }
    }
}

async fn read(orders: &OrderTable, last: &Snapshot) -> Result<Snapshot, Error> {
    let of = |listed| OrderFilter { listed, ..OrderFilter::default() };
    let (open, failed) = (of(Listed::Open), of(Listed::Failed));
    let (open, failed, workers, actions) = tokio::try_join!(
        orders.index_head(&open, COUNTED),
        orders.index_head(&failed, COUNTED),
        orders.worker_reports(),
        orders.actions(ACTIONS),
    )?;
    let open_ids: Vec<OrderId> = open.entries.iter().take(OPEN_MAX).map(|entry| entry.id).collect();
    let (known, new): (Vec<OrderId>, Vec<OrderId>) =
        failed.entries.iter().take(FAILED_MAX).map(|entry| entry.id).partition(|id| last.failed.contains_key(id));
    let (open_orders, new_failed) = tokio::try_join!(get(orders, open_ids), get(orders, new))?;
    let known = known.into_iter().filter_map(|id| Some((id, last.failed.get(&id)?.clone())));
    let mut snapshot = Snapshot {
        as_of: clock::now(),
        open: there(open_orders),
        failed: known.chain(there(new_failed)).collect(),
        open_count: Tally { count: open.entries.len(), more: open.more },
        failed_count: Tally { count: failed.entries.len(), more: failed.more },
        workers,
        actions,
        ..Snapshot::default()
    };
    let left = snapshot.left_since(last);
    let left = get(orders, left).await?;
    snapshot.remember(last, left);
    Ok(snapshot)
}

/// Those that exist.
fn there(read: Vec<(OrderId, Option<OrderRecord>)>) -> BTreeMap<OrderId, OrderRecord> {
    read.into_iter().filter_map(|(id, record)| Some((id, record?))).collect()
}

async fn get(orders: &OrderTable, ids: Vec<OrderId>) -> Result<Vec<(OrderId, Option<OrderRecord>)>, Error> {
    let read = |id| async move { Ok((id, orders.get(id).await?.map(OrderRecord::with_kind_only))) };
    stream::iter(ids.into_iter().map(read)).buffer_unordered(READS).try_collect().await
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_minute_in_which_nobody_asked_is_unknown() {
        let at = |seconds: i64| DateTime::UNIX_EPOCH + TimeDelta::seconds(6_000_000 + seconds);
        let mut seen = Seen::default();
        seen.put(1.0, at(0));
        seen.put(2.0, at(59));
        seen.put(4.0, at(120));
        assert_eq!(seen.series(at(180))[MINUTES - 4..], [Some(2.0), None, Some(4.0), None]);
        for n in 0..100 {
            seen.put(1.0, at(1_000 + 60 * n));
        }
        assert_eq!(seen.0.len(), MINUTES, "bounded");
    }
}
