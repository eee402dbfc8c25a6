//! Faults injected at the listener, before or after the real work: what networks and services do to
//! their clients.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use crate::clock::Millis;

/// A duplicate becomes visible within this time.
const DUPLICATE_WITHIN_MS: u32 = 2_000;
/// The operation that duplicates and reordering are about.
const RECEIVE: &str = "ReceiveMessage";

/// A service that is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// The connection is closed at once, without a response.
    Refuse,
    /// Every request gets 503 in the service's own error format.
    Unavailable,
}

/// The status of an injected error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FaultStatus {
    /// 500, the service's internal error.
    Internal,
    /// 503, the service's "slow down" or "unavailable".
    #[default]
    Unavailable,
}

/// What goes wrong; by default nothing. Rates are probabilities from 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultPlan {
    /// The service is down.
    pub outage: Option<Outage>,
    /// The delay before the work.
    pub latency: Duration,
    /// The delay between the work and its response.
    pub reply_latency: Duration,
    /// How often a request gets an error *instead of* being carried out.
    pub error_rate: f64,
    /// How often a request is carried out and gets an error nevertheless.
    pub late_error_rate: f64,
    /// The status of both kinds of error.
    pub error_status: FaultStatus,
    /// How often a request is carried out and the connection is then closed without a response.
    pub lost_reply_rate: f64,
    /// How often a request is not carried out and hangs until the client disconnects or the plan is
    /// replaced.
    pub stall_rate: f64,
    /// How often a request is carried out and its response is then withheld until the plan is
    /// replaced: a test can kill the client at just that moment.
    pub held_reply_rate: f64,
    /// How often an entry of a batch of SQS is not carried out and is named as failed in the
    /// answer, beside others that were.
    pub entry_error_rate: f64,
    /// How often a message that SQS delivers for the first time is delivered once more within two
    /// seconds, whether or not it was deleted by then: a standard queue delivers at least once, and
    /// a server that missed the receive or the delete delivers again. Each delivery has a receipt
    /// of its own, and both are valid.
    pub duplicate_rate: f64,
    /// SQS delivers a random choice of the visible messages instead of those that are visible
    /// longest.
    pub reorder: bool,
    /// By how many seconds the service's clock is ahead, or behind if negative, where it checks
    /// signatures and in `Date` headers.
    pub clock_skew_seconds: i64,
    /// Restricts the plan to these operations (`"PutObject"`, `"SendMessage"`, …); all of them when
    /// absent.
    pub only: Option<Vec<String>>,
    /// Restricts the plan to requests whose path has this text, such as a part of an object's key.
    pub only_path: Option<String>,
    /// The seed of all random choices: the same seed and the same order of requests give the same
    /// faults.
    pub seed: u64,
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) latency: Duration,
    pub(crate) reply_latency: Duration,
    pub(crate) skew_ms: Millis,
    pub(crate) before: Option<Before>,
    pub(crate) after: Option<After>,
}

/// What happens instead of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Before {
    Close,
    Stall,
    Error(FaultStatus),
}

/// What happens to the response of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Lose,
    Hold,
    Error(FaultStatus),
}

impl FaultPlan {
    /// Whether connections are closed before a request is read.
    fn refuses_connections(&self) -> bool {
        self.outage == Some(Outage::Refuse) && self.only.is_none() && self.only_path.is_none()
    }

    fn concerns(&self, operation: &str) -> bool {
        self.only.as_ref().is_none_or(|names| names.iter().any(|name| name == operation))
    }

    /// Decides; `draw` returns a random number from `0..1`.
    fn verdict(&self, operation: &str, path: &str, mut draw: impl FnMut() -> f64) -> Verdict {
        let elsewhere = self.only_path.as_ref().is_some_and(|part| !path.contains(part.as_str()));
        if elsewhere || !self.concerns(operation) {
            return Verdict::default();
        }
        let before = match self.outage {
            Some(Outage::Refuse) => Some(Before::Close),
            Some(Outage::Unavailable) => Some(Before::Error(FaultStatus::Unavailable)),
            None if draw() < self.stall_rate => Some(Before::Stall),
            None if draw() < self.error_rate => Some(Before::Error(self.error_status)),
            None => None,
        };
        let after = if draw() < self.lost_reply_rate {
            Some(After::Lose)
        } else if draw() < self.held_reply_rate {
            Some(After::Hold)
        } else if draw() < self.late_error_rate {
            Some(After::Error(self.error_status))
        } else {
            None
        };
        let skew_ms = self.clock_skew_seconds.saturating_mul(1000);
        Verdict { latency: self.latency, reply_latency: self.reply_latency, skew_ms, before, after }
    }
}

/// The faults of one service, settable while it runs. Clones share the plan.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    plan: watch::Sender<FaultPlan>,
    draws: AtomicU64,
}

/// Ends when the plan of a stalled request is replaced.
pub(crate) struct Stall(watch::Receiver<FaultPlan>);

impl Stall {
    pub(crate) async fn end(mut self) {
        // An error means that the stack has stopped, which ends the stall as well.
        let _ = self.0.changed().await;
    }
}

impl Faults {
    /// Replaces the plan, from the next request on. Connections of requests that stall under the
    /// old one are closed.
    pub fn set(&self, plan: FaultPlan) {
        self.shared.draws.store(plan.seed, Ordering::Relaxed);
        self.shared.plan.send_replace(plan);
    }

    /// Removes every fault.
    pub fn clear(&self) {
        self.set(FaultPlan::default());
    }

    /// The plan in force.
    #[must_use]
    pub fn plan(&self) -> FaultPlan {
        self.shared.plan.borrow().clone()
    }

    pub(crate) fn refuses_connections(&self) -> bool {
        self.shared.plan.borrow().refuses_connections()
    }

    pub(crate) fn verdict(&self, operation: &str, path: &str) -> (Verdict, Stall) {
        // Subscribes before it decides, so that a plan replaced in between is noticed.
        let plan = self.shared.plan.subscribe();
        let verdict = plan.borrow().verdict(operation, path, || self.draw());
        (verdict, Stall(plan))
    }

    /// After how long a message that is delivered for the first time is delivered once more, if it
    /// is.
    pub(crate) fn duplicate(&self) -> Option<Millis> {
        let rate = {
            let plan = self.shared.plan.borrow();
            if plan.concerns(RECEIVE) { plan.duplicate_rate } else { 0.0 }
        };
        (rate > 0.0 && self.draw() < rate).then(|| Millis::from(self.below(DUPLICATE_WITHIN_MS)))
    }

    /// Whether an entry of a batch fails by itself.
    pub(crate) fn entry_fails(&self, operation: &str) -> bool {
        let rate = {
            let plan = self.shared.plan.borrow();
            if plan.concerns(operation) { plan.entry_error_rate } else { 0.0 }
        };
        rate > 0.0 && self.draw() < rate
    }

    /// Whether messages are delivered in a random order.
    pub(crate) fn reorders(&self) -> bool {
        let plan = self.shared.plan.borrow();
        plan.reorder && plan.concerns(RECEIVE)
    }

    /// Moves a random choice of `count` items to the front, in a random order, and drops the
    /// others.
    pub(crate) fn choose<T>(&self, items: &mut Vec<T>, count: usize) {
        let count = count.min(items.len());
        for at in 0..count {
            let left = u32::try_from(items.len() - at).unwrap_or(u32::MAX);
            items.swap(at, at + usize::try_from(self.below(left)).unwrap_or_default());
        }
        items.truncate(count);
    }

    /// A number from 0 to `end`, without `end`.
    fn below(&self, end: u32) -> u32 {
        u32::try_from((u64::from(end) * u64::from(self.draw_bits())) >> 32).unwrap_or_default()
    }

    fn draw(&self) -> f64 {
        f64::from(self.draw_bits()) / (f64::from(u32::MAX) + 1.0)
    }

    /// SplitMix64: a counter is all the state, so concurrent requests need no lock.
    fn draw_bits(&self) -> u32 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.shared.draws.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        u32::try_from(z >> 32).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_leaves_other_operations_alone() {
        let plan = FaultPlan {
            outage: Some(Outage::Unavailable),
            only: Some(vec!["PutObject".to_owned()]),
            ..FaultPlan::default()
        };
        let error = Some(Before::Error(FaultStatus::Unavailable));
        assert_eq!(plan.verdict("GetObject", "/b/k", || 0.0).before, None);
        assert_eq!(plan.verdict("PutObject", "/b/k", || 0.0).before, error);
        assert!(!plan.refuses_connections());
        let plan = FaultPlan { only_path: Some("/logs/".to_owned()), ..plan };
        assert_eq!(plan.verdict("PutObject", "/b/status/k", || 0.0).before, None);
        assert_eq!(plan.verdict("PutObject", "/b/logs/k", || 0.0).before, error);
    }

    #[test]
    fn a_choice_is_random_and_uniform() {
        let faults = Faults::default();
        let mut firsts = [0; 5];
        for _ in 0..5_000 {
            let mut items: Vec<usize> = (0..5).collect();
            faults.choose(&mut items, 2);
            assert!(items.len() == 2 && items[0] != items[1], "{items:?}");
            firsts[items[0]] += 1;
        }
        assert!(firsts.iter().all(|n| (900..1100).contains(n)), "{firsts:?}");
        let mut all = vec![1, 2, 3];
        faults.choose(&mut all, 9);
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3]);
    }

    #[test]
    fn duplicates_have_the_rate_and_a_short_delay() {
        let faults = Faults::default();
        assert_eq!(faults.duplicate(), None);
        faults.set(FaultPlan { duplicate_rate: 0.1, ..FaultPlan::default() });
        let delays: Vec<Millis> = (0..10_000).filter_map(|_| faults.duplicate()).collect();
        assert!((900..1100).contains(&delays.len()), "{}", delays.len());
        assert!(delays.iter().all(|ms| (0..2_000).contains(ms)));
        let only = Some(vec!["SendMessage".to_owned()]);
        faults.set(FaultPlan { duplicate_rate: 1.0, reorder: true, only, ..FaultPlan::default() });
        assert!(faults.duplicate().is_none() && !faults.reorders());
    }

    #[test]
    fn faults_have_the_rate_and_repeat_with_the_seed() {
        let faults = Faults::default();
        let plan = FaultPlan { error_rate: 0.1, seed: 7, ..FaultPlan::default() };
        let run = || {
            faults.set(plan.clone());
            (0..10_000).map(|_| faults.verdict("x", "/").0.before.is_some()).collect::<Vec<_>>()
        };
        let first = run();
        assert_eq!(first, run(), "the same seed gives the same faults");
        let hits = first.iter().filter(|hit| **hit).count();
        assert!((900..1100).contains(&hits), "{hits}");
    }
}
