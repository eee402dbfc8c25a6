//! Whether what an order needs can be written: reads may succeed while no write does, as when a
//! table is throttled, a disk is full, or a permission is gone.
//!
//! A single failure says little, and a server that takes itself out for it flaps. So a write that
//! fails only makes its store suspect; whether it is unavailable is then decided by a write that
//! changes nothing, at most once a second, until a write succeeds. SQS has no such write: there it
//! takes several failures in a row, of which the last is recent.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use offload_lifecycle::accept::NotAccepted;
use offload_stores::Error;
use parking_lot::Mutex;

/// So many messages in a row that could not be sent make the queue unavailable.
const SENDS_FAILED: u32 = 3;
/// For so long after the last one. Then a load balancer may try again.
const SENDS_FAILED_FOR: Duration = Duration::from_secs(10);

/// The last writes of orders.
#[derive(Debug, Default)]
pub(crate) struct WriteHealth {
    table: AtomicBool,
    bucket: AtomicBool,
    sends: Mutex<(u32, Option<Instant>)>,
}

impl WriteHealth {
    /// Everything of an order was written.
    pub(crate) fn succeeded(&self) {
        self.table.store(false, Ordering::Relaxed);
        self.bucket.store(false, Ordering::Relaxed);
        *self.sends.lock() = (0, None);
    }

    /// Something was not.
    pub(crate) fn failed(&self, refused: &NotAccepted) {
        for error in refused.others.iter().chain([&refused.error]) {
            self.record(error);
        }
    }

    fn record(&self, error: &Error) {
        match error.operation.split_once('.') {
            Some(("dynamodb", _)) => self.table.store(true, Ordering::Relaxed),
            Some(("s3", _)) => self.bucket.store(true, Ordering::Relaxed),
            Some(("sqs", _)) => {
                let mut sends = self.sends.lock();
                *sends = (sends.0.saturating_add(1), Some(Instant::now()));
            }
            _ => {}
        }
    }

    /// Whether the last write of the order table failed.
    pub(crate) fn table_is_suspect(&self) -> bool {
        self.table.load(Ordering::Relaxed)
    }

    /// Whether the last write of the bucket failed.
    pub(crate) fn bucket_is_suspect(&self) -> bool {
        self.bucket.load(Ordering::Relaxed)
    }

    /// A write that changes nothing has succeeded.
    pub(crate) fn table_was_probed(&self) {
        self.table.store(false, Ordering::Relaxed);
    }

    /// A write that changes nothing has succeeded.
    pub(crate) fn bucket_was_probed(&self) {
        self.bucket.store(false, Ordering::Relaxed);
    }

    /// Whether messages cannot be sent.
    pub(crate) fn queue_is_failing(&self) -> bool {
        let (failed, last) = *self.sends.lock();
        failed >= SENDS_FAILED && last.is_some_and(|at| at.elapsed() < SENDS_FAILED_FOR)
    }
}

#[cfg(test)]
mod tests {
    use offload_lifecycle::accept::Refusal;
    use offload_stores::Kind;

    use super::*;

    fn refused(operations: &[&'static str]) -> NotAccepted {
        let error = |operation: &&'static str| Error::new(Kind::Unavailable, operation, "x");
        let mut errors: Vec<_> = operations.iter().map(error).collect();
        NotAccepted { error: errors.remove(0), others: errors, outcome: Refusal::Unknown }
    }

    #[test]
    fn a_store_is_suspect_from_a_failed_write_to_the_next_good_one() {
        let health = WriteHealth::default();
        health.failed(&refused(&["dynamodb.TransactWriteItems", "s3.PutObject"]));
        assert!(health.table_is_suspect() && health.bucket_is_suspect() && !health.queue_is_failing());
        health.table_was_probed();
        assert!(!health.table_is_suspect() && health.bucket_is_suspect());
        health.succeeded();
        assert!(!health.bucket_is_suspect());
    }

    #[test]
    fn one_message_that_was_not_sent_does_not_make_the_queue_unavailable() {
        let health = WriteHealth::default();
        for failing in [false, false, true] {
            health.failed(&refused(&["sqs.SendMessage"]));
            assert_eq!(health.queue_is_failing(), failing);
        }
        health.succeeded();
        assert!(!health.queue_is_failing());
    }
}
