//! Keeps the log of an attempt's work.
//!
//! Invariant: a log costs no order its end. It is stored while the end is recorded, by one call
//! that is given little time, and what cannot be stored is dropped and counted.

use std::{sync::atomic::Ordering, time::Duration};

use offload_domain::{fence::Fence, id::OrderId};
use offload_lifecycle::finish::store_log;
use tokio::time::timeout;

use crate::{context::Worker, work_log::WorkLog};

/// The longest that a job keeps its permit for a log.
const STORE_TIME: Duration = Duration::from_secs(2);

/// Stores the log, if the work has written anything.
pub(super) async fn keep(worker: &Worker, order: OrderId, fence: Fence, log: &WorkLog) {
    let Some(text) = log.text() else { return };
    // A function has an end of its own, before which the order's end must be recorded.
    let time = worker.time.map_or(STORE_TIME, |time| STORE_TIME.min(time / 10));
    let bytes = text.len();
    let cause = match timeout(time, store_log(&worker.stores, order, fence, text)).await {
        Ok(Ok(())) => return,
        Ok(Err(e)) => format!("{}: {}", e.kind.as_str(), e.source),
        Err(_) => format!("not within {} ms", time.as_millis()),
    };
    let dropped = worker.dropped_logs.fetch_add(1, Ordering::Relaxed) + 1;
    tracing::warn!(attempt = %fence, bytes, logs.dropped = dropped, error.cause = cause, "a log of the work is dropped");
}
