//! What crossed the wire, by operation and status: how a test proves that no write happened and no poll reached the service.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// The status counted for a request that got no answer at all: refused, stalled, or given up by the client.
pub const NO_ANSWER: u16 = 0;

/// Counts of one service's requests at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    counts: BTreeMap<(&'static str, u16), u64>,
}

impl RequestCounts {
    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Requests of one operation, whatever the answer.
    #[must_use]
    pub fn of(&self, operation: &str) -> u64 {
        self.iter().filter(|(name, _, _)| *name == operation).map(|(_, _, count)| count).sum()
    }

    /// Requests of one operation that were answered with `status`. A request whose reply was lost by a fault counts under the status
    /// that its work had.
    #[must_use]
    pub fn with_status(&self, operation: &str, status: u16) -> u64 {
        self.iter().filter(|(name, code, _)| *name == operation && *code == status).map(|(_, _, count)| count).sum()
    }

    /// Operation, status ([`NO_ANSWER`] for none), count.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u16, u64)> {
        self.counts.iter().map(|((name, status), count)| (*name, *status, *count))
    }

    /// What was counted since `earlier`.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let counts = self
            .counts
            .iter()
            .map(|(key, count)| (*key, count - earlier.counts.get(key).copied().unwrap_or_default()))
            .filter(|(_, count)| *count > 0)
            .collect();
        Self { counts }
    }
}

/// The running counters. Operation names are static, so a client cannot make them grow.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    counts: Mutex<RequestCounts>,
}

impl Counters {
    pub(crate) fn add(&self, operation: &'static str, status: u16) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.counts.entry((operation, status)).or_default() += 1;
    }

    pub(crate) fn snapshot(&self) -> RequestCounts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_holds_only_what_is_new() {
        let counters = Counters::default();
        counters.add("GetObject", 200);
        let before = counters.snapshot();
        counters.add("GetObject", 304);
        counters.add("GetObject", 304);
        let since = counters.snapshot().since(&before);
        assert_eq!(since.total(), 2);
        assert_eq!(since.with_status("GetObject", 304), 2);
        assert_eq!(since.with_status("GetObject", 200), 0);
        assert_eq!(counters.snapshot().of("GetObject"), 3);
    }
}
