//! From orders to figures.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    clients::{self, Client},
    queue::{Class, Queue},
    random::Random,
    world::{self, Seen},
};

/// What a client gets out of one kind of queue. Each queue counts the same.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Cost {
    /// Looks per order, with the last one: the mean over orders, and over queues.
    pub(crate) polls: f64,
    /// Mean delay over mean sojourn, the mean over queues.
    pub(crate) delay: f64,
    /// PUTs for the sake of the window, per order.
    pub(crate) puts: f64,
}

impl Cost {
    fn add(&mut self, other: &Self, share: f64) {
        self.polls += share * other.polls;
        self.delay += share * other.delay;
        self.puts += share * other.puts;
    }
}

/// How good the estimates are: the mean over queues.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Accuracy {
    /// The median of |p50 - sojourn| / sojourn.
    pub(crate) mdape: f64,
    /// The same for the formulas of `eta.md` as written.
    pub(crate) reference_mdape: f64,
    /// The same for the service's formulas, told the true workers and mean service time.
    pub(crate) informed_mdape: f64,
    /// The same for the article's formula.
    pub(crate) article_mdape: f64,
    /// The share of orders that were done by p10, by p50, by p90.
    pub(crate) by_p10: f64,
    pub(crate) by_p50: f64,
    pub(crate) by_p90: f64,
}

/// A point of the plot: looks per order and delay, and how it came about.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Point {
    pub(crate) line: &'static str,
    pub(crate) setting: f64,
    pub(crate) polls: f64,
    pub(crate) delay: f64,
}

/// All of one class.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct ClassFigures {
    pub(crate) orders: usize,
    pub(crate) queues: usize,
    pub(crate) accuracy: Accuracy,
    pub(crate) costs: BTreeMap<Client, Cost>,
    #[serde(skip)]
    pub(crate) points: Vec<Point>,
}

pub(crate) type Figures = BTreeMap<Class, ClassFigures>;

/// What one queue gives.
struct QueueFigures {
    class: Class,
    orders: usize,
    accuracy: Accuracy,
    costs: Vec<(Client, Cost)>,
    points: Vec<Point>,
}

/// Simulates all queues, on all cores, and averages by class. The result does not depend on the number of cores.
pub(crate) fn measure(queues: &[Queue], seed: u64) -> Figures {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut found: Vec<(usize, QueueFigures)> = std::thread::scope(|scope| {
        let shares: Vec<_> = (0..cores)
            .map(|core| {
                scope.spawn(move || {
                    let mine = queues.iter().enumerate().skip(core).step_by(cores);
                    mine.map(|(stream, queue)| (stream, of_queue(queue, seed, stream as u64))).collect::<Vec<_>>()
                })
            })
            .collect();
        // A thread that panicked has said why.
        shares.into_iter().flat_map(|s| s.join().unwrap_or_default()).collect()
    });
    found.sort_by_key(|f| f.0);
    let mut figures = Figures::new();
    for class in Class::ALL {
        let of_class: Vec<&QueueFigures> = found.iter().map(|f| &f.1).filter(|f| f.class == class).collect();
        if !of_class.is_empty() {
            figures.insert(class, average(&of_class));
        }
    }
    figures
}

fn of_queue(queue: &Queue, seed: u64, stream: u64) -> QueueFigures {
    let seen = world::run(queue, seed, stream);
    let typical = mean(seen.iter().map(|o| o.done));
    let costs = Client::ALL
        .map(|client| {
            // Every client meets the same luck.
            let mut random = Random::new(seed, stream ^ 0xC11E);
            let waits = seen.iter().map(|o| client.wait(o, typical, &mut random));
            (client, cost(waits, seen.len(), typical))
        })
        .to_vec();
    QueueFigures {
        class: queue.class,
        orders: seen.len(),
        accuracy: accuracy(&seen),
        costs,
        points: points(&seen, typical, seed, stream),
    }
}

fn cost(waits: impl Iterator<Item = clients::Wait>, orders: usize, typical: f64) -> Cost {
    let (mut polls, mut delay, mut puts) = (0.0, 0.0, 0.0);
    for wait in waits {
        polls += f64::from(wait.polls);
        delay += wait.delay;
        puts += f64::from(wait.puts);
    }
    let n = orders.max(1) as f64;
    Cost { polls: polls / n, delay: delay / n / typical, puts: puts / n }
}

pub(crate) fn accuracy(seen: &[Seen]) -> Accuracy {
    let off = |estimate: fn(&Seen) -> f64| {
        let mut off: Vec<f64> = seen.iter().map(|o| (estimate(o) - o.done).abs() / o.done).collect();
        median(&mut off)
    };
    let by = |estimate: fn(&Seen) -> f64| mean(seen.iter().map(|o| f64::from(u8::from(o.done <= estimate(o)))));
    Accuracy {
        mdape: off(|o| o.estimate.p50),
        reference_mdape: off(|o| o.reference.p50),
        informed_mdape: off(|o| o.informed.p50),
        article_mdape: off(|o| o.article),
        by_p10: by(|o| o.estimate.p10),
        by_p50: by(|o| o.estimate.p50),
        by_p90: by(|o| o.estimate.p90),
    }
}

/// The lines of the plot.
fn points(seen: &[Seen], typical: f64, seed: u64, stream: u64) -> Vec<Point> {
    let mut points = Vec::new();
    let mut put = |line, setting, wait: &mut dyn FnMut(&Seen) -> clients::Wait| {
        // One in four is enough for a plot.
        let some: Vec<&Seen> = seen.iter().step_by(4).collect();
        let cost = cost(some.iter().map(|o| wait(o)), some.len(), typical);
        points.push(Point { line, setting, polls: cost.polls, delay: cost.delay });
    };
    for parts in [2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 13.0] {
        put("fixed interval T/n, T known", parts, &mut |o| clients::every(typical / parts, o.done));
    }
    for factor in [1.2, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0] {
        put("exponential backoff from 1 s", factor, &mut |o| clients::backoff(1.0, factor, f64::INFINITY, o.done));
    }
    for look in [0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2] {
        put("this schedule", look, &mut |o| clients::by_worth(&o.estimate, look, o.done));
        let mut random = Random::new(seed, stream ^ 0xC11E);
        put("with a finish hint", look, &mut |o| clients::by_worth_with_hint(o, look, &mut random));
    }
    points
}

fn average(queues: &[&QueueFigures]) -> ClassFigures {
    let share = 1.0 / queues.len() as f64;
    let mut all = ClassFigures { queues: queues.len(), ..ClassFigures::default() };
    for queue in queues {
        all.orders += queue.orders;
        for &(client, cost) in &queue.costs {
            all.costs.entry(client).or_default().add(&cost, share);
        }
        let (sum, one) = (&mut all.accuracy, &queue.accuracy);
        sum.mdape += share * one.mdape;
        sum.reference_mdape += share * one.reference_mdape;
        sum.informed_mdape += share * one.informed_mdape;
        sum.article_mdape += share * one.article_mdape;
        sum.by_p10 += share * one.by_p10;
        sum.by_p50 += share * one.by_p50;
        sum.by_p90 += share * one.by_p90;
        if all.points.is_empty() {
            all.points = queue.points.iter().map(|p| Point { polls: 0.0, delay: 0.0, ..p.clone() }).collect();
        }
        for (sum, one) in all.points.iter_mut().zip(&queue.points) {
            sum.polls += share * one.polls;
            sum.delay += share * one.delay;
        }
    }
    all
}

pub(crate) fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0_u32), |(sum, n), v| (sum + v, n + 1));
    sum / f64::from(n.max(1))
}

/// The median; 0 of nothing.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
