//! What a load test found. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::load::{Load, OrderTimes};

/// The middle and the slow end of some times, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// How often the estimate at acceptance held: the share of orders that ended by it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Coverage {
    pub(super) by_p10: f64,
    pub(super) by_p50: f64,
    pub(super) by_p90: f64,
    /// Between the first and the last.
    pub(super) within: f64,
}

/// The figures of a load test.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Figures {
    pub(super) asked: u32,
    pub(super) sent: u32,
    pub(super) accepted: u32,
    pub(super) ended: usize,
    /// Whether a signal ended it.
    pub(super) stopped: bool,
    pub(super) seconds: f64,
    pub(super) ended_a_second: f64,
    /// The longest that an order was sent later than it should have been.
    pub(super) held_back_seconds: f64,
    pub(super) failures: BTreeMap<String, u32>,
    pub(super) statuses: BTreeMap<&'static str, u32>,
    /// From the request to its answer.
    pub(super) acceptance: Option<Spread>,
    /// From acceptance.
    pub(super) start: Option<Spread>,
    pub(super) end: Option<Spread>,
    pub(super) noticed: Option<Spread>,
    /// The mean time of the work.
    pub(super) run_seconds: Option<f64>,
    /// An order.
    pub(super) polls: f64,
    pub(super) events: f64,
    pub(super) renewals: f64,
    /// How much later than the end the client learned of it, as a share of the time of the order.
    pub(super) delay: f64,
    pub(super) coverage: Option<Coverage>,
}

impl Figures {
    pub(super) fn of(load: &Load) -> Self {
        let orders = &load.ended;
        let n = orders.len().max(1) as f64;
        let mean = |of: fn(&OrderTimes) -> f64| orders.iter().map(of).sum::<f64>() / n;
        let mut statuses = BTreeMap::new();
        for order in orders {
            *statuses.entry(order.status.as_str()).or_default() += 1;
        }
        let runs: Vec<f64> = orders.iter().filter_map(|o| o.started.map(|started| o.ended - started)).collect();
        Self {
            asked: load.asked,
            sent: load.sent,
            accepted: load.accepted,
            ended: orders.len(),
            stopped: load.stopped,
            seconds: load.took,
            ended_a_second: orders.len() as f64 / load.took.max(1e-9),
            held_back_seconds: load.held_back,
            failures: load.failures.clone(),
            statuses,
            acceptance: spread(orders.iter().map(|o| o.accepted)),
            start: spread(orders.iter().filter_map(|o| o.started)),
            end: spread(orders.iter().map(|o| o.ended)),
            noticed: spread(orders.iter().map(|o| o.noticed)),
            run_seconds: (!runs.is_empty()).then(|| runs.iter().sum::<f64>() / runs.len() as f64),
            polls: mean(|o| f64::from(o.polls)),
            events: mean(|o| f64::from(o.events)),
            renewals: mean(|o| f64::from(o.renewals)),
            delay: mean(|o| o.noticed - o.ended) / mean(|o| o.ended).max(1e-9),
            coverage: coverage(orders),
        }
    }
}

fn spread(values: impl Iterator<Item = f64>) -> Option<Spread> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    // The value that so large a share of them are not above.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
    let at = |share: f64| values.get(((share * values.len() as f64).ceil() as usize).saturating_sub(1)).copied();
    Some(Spread { p50: at(0.5)?, p99: at(0.99)? })
}

fn coverage(orders: &[OrderTimes]) -> Option<Coverage> {
    let known: Vec<(f64, [f64; 3])> = orders.iter().filter_map(|o| Some((o.ended, o.estimate?))).collect();
    let share = |held: &dyn Fn(f64, [f64; 3]) -> bool| {
        known.iter().filter(|(ended, estimate)| held(*ended, *estimate)).count() as f64 / known.len() as f64
    };
    (!known.is_empty()).then(|| Coverage {
        by_p10: share(&|ended, [p10, _, _]| ended <= p10),
        by_p50: share(&|ended, [_, p50, _]| ended <= p50),
        by_p90: share(&|ended, [_, _, p90]| ended <= p90),
        within: share(&|ended, [p10, _, p90]| ended > p10 && ended <= p90),
    })
}

#[cfg(test)]
mod tests {
    use offload_client::Status;

    use super::*;

    fn order(ended: f64, noticed: f64) -> OrderTimes {
        OrderTimes {
            accepted: 0.01 * ended,
            started: Some(0.5),
            ended,
            noticed,
            estimate: Some([2.0, 4.0, 8.0]),
            status: Status::Completed,
            polls: 2,
            events: 0,
            renewals: 0,
        }
    }

    #[test]
    fn figures_are_those_of_the_orders_that_ended() {
        let ended = (1..=10).map(|n| order(f64::from(n), f64::from(n) * 1.1)).collect();
        let figures = Figures::of(&Load { asked: 20, sent: 12, accepted: 11, ended, took: 5.0, ..Load::default() });
        assert_eq!((figures.ended, figures.end), (10, Some(Spread { p50: 5.0, p99: 10.0 })));
        assert!((figures.delay - 0.1).abs() < 1e-9 && (figures.ended_a_second - 2.0).abs() < 1e-9);
        assert!((figures.run_seconds.unwrap() - 5.0).abs() < 1e-9 && (figures.polls - 2.0).abs() < 1e-9);
        let coverage = figures.coverage.unwrap();
        assert_eq!((coverage.by_p10, coverage.by_p50, coverage.by_p90, coverage.within), (0.2, 0.4, 0.8, 0.6));
    }

    #[test]
    fn without_an_end_there_are_no_figures_and_no_division_by_zero() {
        let figures = Figures::of(&Load::default());
        assert_eq!((figures.end, figures.coverage, figures.run_seconds), (None, None, None));
        assert!(figures.polls.abs() < 1e-9 && figures.delay.abs() < 1e-9);
    }
}
