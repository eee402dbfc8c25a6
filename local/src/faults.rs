//! Faults injected at the wire, before or after the real work, so that a test breaks what a network and a service break.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// A service that does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// The connection is closed at once, without an answer.
    Refuse,
    /// Every request is answered 503 in the service's own error format.
    Unavailable,
}

/// What an injected error says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FaultStatus {
    /// 500, the service's internal error.
    Internal,
    /// 503, the service's "slow down" or "unavailable".
    #[default]
    Unavailable,
}

/// What goes wrong, as plain settings; the default is nothing. Rates are probabilities from 0 to 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FaultPlan {
    /// Nothing gets through.
    pub outage: Option<Outage>,
    /// Waited before the work.
    pub latency: Duration,
    /// How often a request is answered with an error *instead of* being carried out.
    pub error_rate: f64,
    /// How often a request is carried out and then answered with an error all the same.
    pub late_error_rate: f64,
    /// What both kinds of error say.
    pub error_status: FaultStatus,
    /// How often a request is carried out and the connection is then closed without an answer.
    pub lost_reply_rate: f64,
    /// How often a request is not carried out and hangs until the client gives up, or the plan is replaced.
    pub stall_rate: f64,
    /// How often a request is carried out and its answer then held back until the plan is replaced: whoever waits for it can
    /// be killed at just that moment.
    pub held_reply_rate: f64,
    /// Restricts the plan to these operations (`"PutObject"`, `"SendMessage"`, …); all of them when absent.
    pub only: Option<Vec<String>>,
    /// Makes the draws repeatable: the same seed and the same order of requests give the same faults.
    pub seed: u64,
}

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) latency: Duration,
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

/// What happens to the answer of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    Lose,
    Hold,
    Error(FaultStatus),
}

impl FaultPlan {
    /// Whether a connection is closed before a request can name its operation.
    fn refuses_connections(&self) -> bool {
        self.outage == Some(Outage::Refuse) && self.only.is_none()
    }

    fn concerns(&self, operation: &str) -> bool {
        self.only.as_ref().is_none_or(|names| names.iter().any(|name| name == operation))
    }

    /// Decides, given one draw from `0..1` for each rate.
    fn verdict(&self, operation: &str, mut draw: impl FnMut() -> f64) -> Verdict {
        if !self.concerns(operation) {
            return Verdict { latency: Duration::ZERO, before: None, after: None };
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
        Verdict { latency: self.latency, before, after }
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

/// Ends when the plan that a request stalls under is replaced.
pub(crate) struct Stall(watch::Receiver<FaultPlan>);

impl Stall {
    pub(crate) async fn end(mut self) {
        // An error means that the stack is gone, which ends the stall as well.
        let _ = self.0.changed().await;
    }
}

impl Faults {
    /// Replaces the plan, from the next request on. Requests that stall under the old one are let go, their connections closed.
    pub fn set(&self, plan: FaultPlan) {
        self.shared.draws.store(plan.seed, Ordering::Relaxed);
        self.shared.plan.send_replace(plan);
    }

    /// Ends every fault.
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

    pub(crate) fn verdict(&self, operation: &str) -> (Verdict, Stall) {
        // Subscribed before the decision, so a plan replaced in between is noticed.
        let plan = self.shared.plan.subscribe();
        let verdict = plan.borrow().verdict(operation, || self.draw());
        (verdict, Stall(plan))
    }

    /// SplitMix64: a counter is all the state, so concurrent requests need no lock.
    fn draw(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.shared.draws.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        f64::from(u32::try_from(z >> 32).unwrap_or_default()) / (f64::from(u32::MAX) + 1.0)
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
        assert_eq!(plan.verdict("GetObject", || 0.0).before, None);
        assert_eq!(plan.verdict("PutObject", || 0.0).before, Some(Before::Error(FaultStatus::Unavailable)));
        assert!(!plan.refuses_connections());
    }

    #[test]
    fn draws_follow_the_rate_and_the_seed() {
        let faults = Faults::default();
        let plan = FaultPlan { error_rate: 0.1, seed: 7, ..FaultPlan::default() };
        let run = || {
            faults.set(plan.clone());
            (0..10_000).map(|_| faults.verdict("x").0.before.is_some()).collect::<Vec<_>>()
        };
        let first = run();
        assert_eq!(first, run(), "the same seed gives the same faults");
        let hits = first.iter().filter(|hit| **hit).count();
        assert!((900..1100).contains(&hits), "{hits}");
    }
}
