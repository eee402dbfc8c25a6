//! What the clients and the processors of a simulation know: which work an order is, how often it
//! was started, and what its client was answered.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The work of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) takes_ms: u64,
    /// Whether it reports progress, and stops when it should. Else it does neither, so what a
    /// worker sends that was paused meanwhile comes late.
    pub(super) reports: bool,
    pub(super) result_bytes: usize,
    pub(super) end: WorkEnd,
}

/// How the work ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkEnd {
    Succeeds,
    /// Its first attempts fail, so many of each generation.
    FailsAtFirst(u32),
    /// Its first attempt panics.
    PanicsAtFirst,
    Fails,
}

/// The ledger, by the name that the order's client gave it.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
pub(super) struct Entries {
    pub(super) work: BTreeMap<String, Work>,
    /// How often the work of an order was started.
    pub(super) starts: BTreeMap<String, usize>,
    /// The ids with which an order was accepted.
    pub(super) accepted: BTreeMap<String, BTreeSet<String>>,
    /// Orders that were refused, and are said to have been taken back.
    pub(super) taken_back: BTreeSet<String>,
    /// Clients that are not done.
    pub(super) clients: usize,
    /// What no client should see.
    pub(super) violations: Vec<String>,
}

impl Ledger {
    pub(super) fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
