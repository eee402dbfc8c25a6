//! From orders to figures.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    clients::{self, Client},
    queue::{Class, Queue},
    random::Random,
    world::{self, MeasuredOrder},
};
use crate::statistics::median;

/// What a client pays in one kind of queue. Each queue counts the same.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Cost {
    /// Polls per order, with the last one: the mean over orders, and over queues.
    pub(crate) polls: f64,
    /// Mean delay over mean sojourn, the mean over queues.
    pub(crate) delay: f64,
    /// PUTs of new windows, per order.
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
    /// The same for the baseline.
    pub(crate) baseline_mdape: f64,
    /// The same for the estimator of the service, given the true workers and mean service time.
    pub(crate) informed_mdape: f64,
    /// The same for messages in the queue times the mean service time.
    pub(crate) naive_mdape: f64,
    /// The share of orders that were done by p10, by p50, by p90.
    pub(crate) by_p10: f64,
    pub(crate) by_p50: f64,
    pub(crate) by_p90: f64,
}

/// A point of the plot: polls per order and delay, and the setting that gave them.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PlotPoint {
    pub(crate) series: &'static str,
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
    pub(crate) points: Vec<PlotPoint>,
}

pub(crate) type Figures = BTreeMap<Class, ClassFigures>;

/// The figures of one queue.
struct QueueFigures {
    class: Class,
    orders: usize,
    accuracy: Accuracy,
    costs: Vec<(Client, Cost)>,
    points: Vec<PlotPoint>,
}

/// Simulates all queues, on all cores, and averages by class. The result does not depend on the
/// number of cores.
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
        // A thread that panicked has printed its reason.
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
    let orders = world::run(queue, seed, stream);
    let typical = mean(orders.iter().map(|o| o.done));
    let costs = Client::ALL
        .map(|client| {
            // Every client gets the same random numbers.
            let mut random = Random::new(seed, stream ^ 0xC11E);
            let waits = orders.iter().map(|o| client.wait(o, typical, &mut random));
            (client, cost(waits, orders.len(), typical))
        })
        .to_vec();
    QueueFigures {
        class: queue.class,
        orders: orders.len(),
        accuracy: accuracy(&orders),
        costs,
        points: points(&orders, typical, seed, stream),
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

pub(crate) fn accuracy(orders: &[MeasuredOrder]) -> Accuracy {
    let mdape =
        |estimate: fn(&MeasuredOrder) -> f64| median(orders.iter().map(|o| (estimate(o) - o.done).abs() / o.done));
    let by =
        |estimate: fn(&MeasuredOrder) -> f64| mean(orders.iter().map(|o| f64::from(u8::from(o.done <= estimate(o)))));
    Accuracy {
        mdape: mdape(|o| o.estimate.p50),
        baseline_mdape: mdape(|o| o.baseline.p50),
        informed_mdape: mdape(|o| o.informed.p50),
        naive_mdape: mdape(|o| o.naive),
        by_p10: by(|o| o.estimate.p10),
        by_p50: by(|o| o.estimate.p50),
        by_p90: by(|o| o.estimate.p90),
    }
}

/// The series of the plot.
fn points(orders: &[MeasuredOrder], typical: f64, seed: u64, stream: u64) -> Vec<PlotPoint> {
    let mut points = Vec::new();
    let mut put = |series, setting, wait: &mut dyn FnMut(&MeasuredOrder) -> clients::Wait| {
        // One in four is enough for a plot.
        let some: Vec<&MeasuredOrder> = orders.iter().step_by(4).collect();
        let cost = cost(some.iter().map(|o| wait(o)), some.len(), typical);
        points.push(PlotPoint { series, setting, polls: cost.polls, delay: cost.delay });
    };
    for parts in [2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 13.0] {
        put("fixed interval T/n, T known", parts, &mut |o| clients::every(typical / parts, o.done));
    }
    for factor in [1.2, 1.3, 1.5, 1.75, 2.0, 2.5, 3.0] {
        put("exponential backoff from 1 s", factor, &mut |o| clients::backoff(1.0, factor, f64::INFINITY, o.done));
    }
    for worth in [0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2] {
        put("this schedule", worth, &mut |o| clients::by_worth(&o.estimate, worth, o.done));
        let mut random = Random::new(seed, stream ^ 0xC11E);
        put("with a finish hint", worth, &mut |o| clients::by_worth_with_hint(o, worth, &mut random));
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
        sum.baseline_mdape += share * one.baseline_mdape;
        sum.informed_mdape += share * one.informed_mdape;
        sum.naive_mdape += share * one.naive_mdape;
        sum.by_p10 += share * one.by_p10;
        sum.by_p50 += share * one.by_p50;
        sum.by_p90 += share * one.by_p90;
        if all.points.is_empty() {
            all.points = queue.points.iter().map(|p| PlotPoint { polls: 0.0, delay: 0.0, ..p.clone() }).collect();
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
