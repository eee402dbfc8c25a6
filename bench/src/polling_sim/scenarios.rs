//! How long the estimate takes to recover from a sudden change of the workers.

use serde::Serialize;

use super::{
    figures::mean,
    queue::{Change, Class, Distribution, Queue},
    world::{self, MeasuredOrder},
};
use crate::statistics::median;

/// Orders are judged by the time of their POST, in steps of so many seconds.
const STEP: f64 = 2.0;
/// Recovered is within this many times the error of an estimator that is given the truth ...
const WITHIN: f64 = 1.5;
/// ... or no more than this off it.
const NEAR: f64 = 0.02;
/// A step with fewer orders is not judged.
const ENOUGH: usize = 20;

/// One sudden change.
#[derive(Debug)]
struct Scenario {
    name: &'static str,
    queue: Queue,
    /// When there is something to recover from, in seconds after measuring starts.
    from: f64,
}

/// How an estimate recovers.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Recovery {
    pub(crate) name: &'static str,
    /// Seconds from the change until posted orders get a good estimate, and all later ones too.
    /// `None` if they do not within the simulated time.
    pub(crate) recovered_after: Option<f64>,
    /// The median error of the orders posted in the first step after the change.
    pub(crate) first_mdape: f64,
    /// The same for the estimator that is given the truth.
    pub(crate) first_informed: f64,
    /// The median error once it has recovered.
    pub(crate) later_mdape: f64,
    /// The same for the estimator that is given the truth.
    pub(crate) later_informed: f64,
}

/// Sixteen or 32 at a time, in processes of four; 10 s an order with a coefficient of variation of
/// 0.5.
fn scenarios() -> Vec<Scenario> {
    let queue = |concurrency: usize, load: f64, seconds: f64, changes: &[(f64, Change)]| {
        let mut queue = Queue::new(Class::Steady, Distribution::LogNormal(0.5), 10.0, concurrency);
        queue.workers = concurrency / 4;
        queue.load = load;
        queue.changes = changes.to_vec();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of orders")]
        let orders = (seconds * load * queue.capacity()) as usize;
        queue.orders = orders;
        queue
    };
    let cold = Queue { warm: 0, ..queue(16, 0.7, 600.0, &[]) };
    let now = |change| [(0.0, change)];
    vec![
        Scenario { name: "cold start, guess 10 times too low", queue: cold, from: 0.0 },
        Scenario {
            name: "the pool doubles, 100 waiting",
            queue: queue(16, 1.08, 600.0, &now(Change::Join(4))),
            from: 0.0,
        },
        Scenario {
            name: "half of the pool dies, 60 waiting",
            queue: queue(32, 1.04, 300.0, &now(Change::Die(4))),
            from: 0.0,
        },
        Scenario {
            name: "the pool dies, and is back after 120 s",
            queue: queue(16, 0.7, 900.0, &[(0.0, Change::Die(4)), (120.0, Change::Join(4))]),
            from: 120.0,
        },
        Scenario {
            name: "the service becomes three times as fast",
            queue: queue(16, 0.95, 900.0, &now(Change::Pace(1.0 / 3.0))),
            from: 0.0,
        },
        Scenario {
            name: "the service becomes three times as slow",
            queue: queue(16, 0.3, 1_200.0, &now(Change::Pace(3.0))),
            from: 0.0,
        },
    ]
}

/// Plays every scenario many times over.
pub(crate) fn play(seed: u64, times: u64) -> Vec<Recovery> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = scenarios()
            .into_iter()
            .map(|scenario| {
                scope.spawn(move || {
                    let runs = (0..times).flat_map(|run| world::run(&scenario.queue, seed, 1_000 + run));
                    recovery(&scenario, &runs.collect::<Vec<_>>())
                })
            })
            .collect();
        threads.into_iter().filter_map(|t| t.join().ok()).collect()
    })
}

fn recovery(scenario: &Scenario, orders: &[MeasuredOrder]) -> Recovery {
    let mut steps: Vec<Vec<&MeasuredOrder>> = Vec::new();
    for order in orders.iter().filter(|o| o.posted >= scenario.from) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let step = ((order.posted - scenario.from) / STEP) as usize;
        if steps.len() <= step {
            steps.resize(step + 1, Vec::new());
        }
        steps[step].push(order);
    }
    let errors: Vec<(f64, f64)> = steps
        .iter()
        .filter(|s| s.len() >= ENOUGH)
        .map(|s| (error(s, |o| o.estimate.p50), error(s, |o| o.informed.p50)))
        .collect();
    let bad = errors.iter().rposition(|&(real, best)| real > (WITHIN * best).max(best + NEAR));
    let good = bad.map_or(0, |b| b + 1);
    let later = |which: fn(&(f64, f64)) -> f64| mean(errors[good..].iter().map(which));
    Recovery {
        name: scenario.name,
        recovered_after: (good < errors.len()).then_some(good as f64 * STEP),
        first_mdape: errors.first().map_or(0.0, |e| e.0),
        first_informed: errors.first().map_or(0.0, |e| e.1),
        later_mdape: later(|e| e.0),
        later_informed: later(|e| e.1),
    }
}

fn error(orders: &[&MeasuredOrder], estimate: fn(&MeasuredOrder) -> f64) -> f64 {
    median(orders.iter().map(|o| (estimate(o) - o.done).abs() / o.done))
}
