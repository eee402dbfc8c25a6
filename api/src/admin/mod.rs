//! What operators see of the service as a whole, and what they do to many orders.
//!
//! Nothing here runs unless somebody asks: the index is read while a console is open, and every
//! subscriber of this server shares what was read.

pub(crate) mod counts;
pub(crate) mod doctor;
pub(crate) mod index_reader;
pub(crate) mod runner;
pub(crate) mod snapshot;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use offload_domain::minutes::{MINUTES, Minutes};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use self::index_reader::IndexReader;

/// Streams of changes at once.
const STREAMS_MAX: usize = 32;

/// What this server keeps for operators.
#[derive(Debug)]
pub(crate) struct Admin {
    /// Orders that this server accepted.
    accepted: Mutex<Minutes>,
    /// Reads of single orders that this server answered.
    reads: Mutex<Minutes>,
    pub(crate) index: IndexReader,
    /// For streams of changes.
    pub(crate) streams: Arc<Semaphore>,
}

impl Default for Admin {
    fn default() -> Self {
        Self {
            accepted: Mutex::default(),
            reads: Mutex::default(),
            index: IndexReader::default(),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        }
    }
}

impl Admin {
    /// Counts an order that was accepted.
    pub(crate) fn count_accepted(&self, now: DateTime<Utc>) {
        self.accepted.lock().add(1.0, now);
    }

    /// Counts a client that read an order here, and not in S3.
    pub(crate) fn count_read(&self, now: DateTime<Utc>) {
        self.reads.lock().add(1.0, now);
    }

    /// Both, minute by minute.
    fn own_minutes(&self, now: DateTime<Utc>) -> ([f64; MINUTES], [f64; MINUTES]) {
        (self.accepted.lock().series(now), self.reads.lock().series(now))
    }
}
