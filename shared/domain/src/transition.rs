//! The state machine of an order. Pure: the callers store what it returns by a conditional write on
//! the old revision.
//!
//! Invariant: a final status never changes, with one exception that an operator asks for: a failed
//! order that is redriven goes back to pending in a new generation. Invariant: every transition
//! makes the next revision.

use chrono::{DateTime, Utc};

use crate::{
    order::{OrderResult, OrderState},
    problem::Problem,
    status::{ERROR_DETAIL_MAX_CHARS, EtaWindow, ProgressReport, Status, cut},
};

/// What can happen to an order.
#[derive(Debug, Clone, PartialEq)]
pub enum Transition {
    /// A worker starts an attempt.
    Start {
        /// When the work should be done.
        eta: Option<EtaWindow>,
        /// When a client should poll next.
        poll_after_ms: Option<u64>,
    },
    /// A running order is recorded as it is now.
    Progress {
        /// How far the work is, if the processor reports it.
        report: Option<ProgressReport>,
        /// When the work should be done.
        eta: Option<EtaWindow>,
        /// When a client should poll next.
        poll_after_ms: Option<u64>,
    },
    /// The attempt ended without an outcome, and another one will be made.
    Yield {
        /// Why, if the attempt failed; `None` when a worker that shuts down gives the order back.
        error: Option<Problem>,
    },
    /// The work is done.
    Complete {
        /// With this result.
        result: Option<OrderResult>,
    },
    /// There will be no result.
    Fail {
        /// Why.
        error: Problem,
    },
    /// The client no longer wants it.
    Cancel,
    /// An operator gives an order that failed another chance, in a new generation.
    Redrive {
        /// When the work should be done.
        eta: Option<EtaWindow>,
        /// When a client should poll next.
        poll_after_ms: Option<u64>,
    },
}

/// The transition is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The order has ended.
    #[error("the order is already {}", .0.as_str())]
    Final(Status),
    /// Only an order that a worker has started can do this.
    #[error("the order has not been started")]
    NotProcessing,
    /// Only an order that failed can be redriven.
    #[error("the order has not failed")]
    NotFailed,
}

impl OrderState {
    /// The state after `transition` at `now`.
    ///
    /// # Errors
    /// [`Refused`], if the order cannot do that from this state.
    pub fn apply(&self, transition: Transition, now: DateTime<Utc>) -> Result<Self, Refused> {
        use Transition as T;
        let redrive = matches!(transition, T::Redrive { .. });
        if self.status.is_final() && !(redrive && self.status == Status::Failed) {
            return Err(Refused::Final(self.status));
        }
        if redrive && self.status != Status::Failed {
            return Err(Refused::NotFailed);
        }
        let started = self.status == Status::Processing;
        if !started && matches!(transition, T::Progress { .. } | T::Yield { .. } | T::Complete { .. }) {
            return Err(Refused::NotProcessing);
        }
        let mut next = self.clone();
        next.revision += 1;
        // A worker's clock may be behind the api's; a client that compares revisions should see
        // time go on.
        next.updated_at = now.max(self.updated_at);
        match transition {
            T::Start { eta, poll_after_ms } => {
                next.status = Status::Processing;
                next.attempt += 1;
                next.started_at = self.started_at.or(Some(next.updated_at));
                next.progress = None;
                next.eta = eta;
                next.poll_after_ms = poll_after_ms;
            }
            T::Progress { report, eta, poll_after_ms } => {
                next.progress = report.or(next.progress);
                next.eta = eta;
                next.poll_after_ms = poll_after_ms;
            }
            T::Yield { error: Some(error) } => next.error = Some(bounded(error)),
            T::Yield { error: None } => next.handed_back += 1,
            T::Complete { result } => {
                next.result = result;
                // What was said on the way is no longer so.
                next.progress = next.progress.map(|p| match p.percent {
                    100 => p,
                    _ => ProgressReport { percent: 100, message: None },
                });
                next.end(Status::Completed, None);
            }
            T::Fail { error } => next.end(Status::Failed, Some(bounded(error))),
            T::Cancel => next.end(Status::Cancelled, None),
            T::Redrive { eta, poll_after_ms } => {
                next = Self {
                    revision: next.revision,
                    generation: self.generation + 1,
                    redriven_at: Some(next.updated_at),
                    eta,
                    poll_after_ms,
                    ..Self::pending(next.updated_at)
                };
            }
        }
        Ok(next)
    }

    fn end(&mut self, status: Status, error: Option<Problem>) {
        self.status = status;
        self.error = error;
        self.finished_at = Some(self.updated_at);
        self.eta = None;
        self.poll_after_ms = None;
    }
}

/// A problem that fits into a status object.
fn bounded(mut problem: Problem) -> Problem {
    problem.detail = problem.detail.map(|d| cut(&d, ERROR_DETAIL_MAX_CHARS));
    problem
}

#[cfg(test)]
mod tests {
    use chrono::Duration;
    use proptest::prelude::*;

    use super::*;
    use crate::problem::ends;

    fn pending() -> OrderState {
        OrderState { poll_after_ms: Some(1_000), ..OrderState::pending(DateTime::UNIX_EPOCH) }
    }

    fn any_transition() -> impl Strategy<Value = Transition> {
        let (eta, poll_after_ms) = (None, Some(500));
        prop_oneof![
            Just(Transition::Start { eta, poll_after_ms }),
            (0u8..=255, ".{0,300}").prop_map(move |(p, m)| Transition::Progress {
                report: Some(ProgressReport::new(p, Some(&m))),
                eta,
                poll_after_ms
            }),
            Just(Transition::Yield { error: None }),
            Just(Transition::Yield { error: Some(ends::processing_failed("x".repeat(2_000))) }),
            Just(Transition::Complete { result: Some(OrderResult::Inline(serde_json::json!({"ok": true}).into())) }),
            ".{0,2000}".prop_map(|d| Transition::Fail { error: ends::processing_failed(d) }),
            Just(Transition::Cancel),
            Just(Transition::Redrive { eta, poll_after_ms }),
        ]
    }

    #[test]
    fn work_that_is_done_says_no_more_what_it_said_on_the_way() {
        let at_its_end = |percent| {
            let start = Transition::Start { eta: None, poll_after_ms: None };
            let report = Some(ProgressReport::new(percent, Some("850 of 1000 rows")));
            let steps = [
                start,
                Transition::Progress { report, eta: None, poll_after_ms: None },
                Transition::Complete { result: None },
            ];
            let end = steps.into_iter().fold(pending(), |state, step| state.apply(step, DateTime::UNIX_EPOCH).unwrap());
            end.progress.map(|p| (p.percent, p.message))
        };
        assert_eq!(at_its_end(85), Some((100, None)));
        assert_eq!(at_its_end(100), Some((100, Some("850 of 1000 rows".to_owned()))));
    }

    proptest! {
        #[test]
        fn an_order_only_goes_forward(steps in prop::collection::vec((any_transition(), -5_000i64..5_000), 0..40)) {
            let mut state = pending();
            for (transition, ms) in steps {
                let at = state.updated_at + Duration::milliseconds(ms);
                match state.apply(transition.clone(), at) {
                    Ok(next) if matches!(transition, Transition::Redrive { .. }) => {
                        prop_assert_eq!(state.status, Status::Failed);
                        prop_assert_eq!(next.status, Status::Pending);
                        prop_assert_eq!((next.generation, next.revision), (state.generation + 1, state.revision + 1));
                        state = next;
                    }
                    Ok(next) => {
                        prop_assert!(!state.status.is_final(), "a final status never changes within a generation");
                        prop_assert_eq!(next.generation, state.generation);
                        prop_assert_eq!(next.revision, state.revision + 1);
                        prop_assert!(next.updated_at >= state.updated_at);
                        prop_assert!(next.attempt >= state.attempt);
                        prop_assert_eq!(next.finished_at.is_some(), next.status.is_final());
                        prop_assert_eq!(next.poll_after_ms.is_none() && next.eta.is_none(), next.status.is_final());
                        prop_assert!(next.status != Status::Pending, "nothing goes back to pending");
                        prop_assert_eq!(next.error.is_some() || next.status != Status::Failed, true);
                        prop_assert!(next.progress.as_ref().is_none_or(|p| p.percent <= 100));
                        state = next;
                    }
                    Err(Refused::Final(s)) => prop_assert_eq!(s, state.status),
                    Err(Refused::NotProcessing) => prop_assert_eq!(state.status, Status::Pending),
                    Err(Refused::NotFailed) => prop_assert!(!state.status.is_final()),
                }
            }
        }

        #[test]
        fn a_status_object_is_small(message in "\\PC{0,400}", detail in "\\PC{0,3000}") {
            let start = Transition::Start { eta: None, poll_after_ms: None };
            let state = pending().apply(start, DateTime::UNIX_EPOCH).unwrap();
            let report = Some(ProgressReport::new(3, Some(&message)));
            let state = state.apply(Transition::Progress { report, eta: None, poll_after_ms: None }, DateTime::UNIX_EPOCH).unwrap();
            let state = state.apply(Transition::Fail { error: ends::processing_failed(detail) }, DateTime::UNIX_EPOCH).unwrap();
            let error = state.error.unwrap();
            prop_assert!(error.detail.unwrap().chars().count() <= ERROR_DETAIL_MAX_CHARS);
            prop_assert!(state.progress.unwrap().message.unwrap().chars().count() <= 200);
        }
    }
}
