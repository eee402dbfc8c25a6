//! Requests counted by operation and status, so that a test can prove that nothing was written or
//! polled.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// The status of a request that got no response at all: refused, stalled, or abandoned by the
/// client.
pub const NO_RESPONSE: u16 = 0;

/// Counts of one service's requests at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestCounts {
    counts: BTreeMap<(&'static str, u16), u64>,
    running: BTreeMap<&'static str, u64>,
}

impl RequestCounts {
    /// All requests.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Requests of one operation, whatever their status.
    #[must_use]
    pub fn of(&self, operation: &str) -> u64 {
        self.iter().filter(|(name, _, _)| *name == operation).map(|(_, _, count)| count).sum()
    }

    /// Requests of one operation with this status. A request whose reply an injected fault dropped
    /// counts under the status that its work had.
    #[must_use]
    pub fn with_status(&self, operation: &str, status: u16) -> u64 {
        self.iter().filter(|(name, code, _)| *name == operation && *code == status).map(|(_, _, count)| count).sum()
    }

    /// Requests of one operation that are running, such as long polls and stalled requests. The
    /// other counts include them once they end.
    #[must_use]
    pub fn running(&self, operation: &str) -> u64 {
        self.running.get(operation).copied().unwrap_or_default()
    }

    /// Operation, status ([`NO_RESPONSE`] for none), count.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u16, u64)> {
        self.counts.iter().map(|((name, status), count)| (*name, *status, *count))
    }

    /// The difference to an earlier snapshot. Running requests are those of the newer snapshot.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let counts = self
            .counts
            .iter()
            .map(|(key, count)| (*key, count - earlier.counts.get(key).copied().unwrap_or_default()))
            .filter(|(_, count)| *count > 0)
            .collect();
        Self { counts, running: self.running.clone() }
    }
}

/// The running counters. Operation names are static, so a client cannot make them grow.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    counts: Mutex<RequestCounts>,
}

impl Counters {
    /// Counts a request that was refused before it could be read.
    pub(crate) fn refused(&self, operation: &'static str) {
        self.end(operation, NO_RESPONSE, false);
    }

    /// Counts a request from now until the guard is dropped.
    pub(crate) fn begin(self: &Arc<Self>, operation: &'static str) -> Counted {
        *self.counts.lock().running.entry(operation).or_default() += 1;
        Counted { counters: Arc::clone(self), operation, status: NO_RESPONSE }
    }

    fn end(&self, operation: &'static str, status: u16, ran: bool) {
        let mut counts = self.counts.lock();
        *counts.counts.entry((operation, status)).or_default() += 1;
        if ran && let Some(running) = counts.running.get_mut(operation) {
            *running = running.saturating_sub(1);
        }
    }

    pub(crate) fn snapshot(&self) -> RequestCounts {
        self.counts.lock().clone()
    }
}

/// One request. Counted when it ends, also when the client disconnects and hyper drops the work.
pub(crate) struct Counted {
    counters: Arc<Counters>,
    operation: &'static str,
    status: u16,
}

impl Counted {
    /// Sets the status of the response.
    pub(crate) fn responded(&mut self, status: u16) {
        self.status = status;
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counters.end(self.operation, self.status, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_only_the_new_requests() {
        let counters = Arc::new(Counters::default());
        let count = |status| counters.begin("GetObject").responded(status);
        count(200);
        let before = counters.snapshot();
        count(304);
        count(304);
        let since = counters.snapshot().since(&before);
        assert_eq!(since.total(), 2);
        assert_eq!(since.with_status("GetObject", 304), 2);
        assert_eq!(since.with_status("GetObject", 200), 0);
        assert_eq!(counters.snapshot().of("GetObject"), 3);
    }
    #[test]
    fn a_request_is_running_until_it_ends() {
        let counters = Arc::new(Counters::default());
        let poll = counters.begin("ReceiveMessage");
        assert_eq!(counters.snapshot().running("ReceiveMessage"), 1);
        assert_eq!(counters.snapshot().total(), 0);
        drop(poll);
        assert_eq!(counters.snapshot().running("ReceiveMessage"), 0);
        assert_eq!(counters.snapshot().with_status("ReceiveMessage", NO_RESPONSE), 1);
    }
}
