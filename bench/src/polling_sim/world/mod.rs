//! An event-driven simulation of one queue, its workers, and what the api knows of both.
//!
//! It differs from a textbook queue in these points:
//!
//! - The counts of SQS are read once a second, are 0.5 to 4.5 s old then, and off by 3 %.
//! - Workers report every 3 s. A dead one is believed alive until its report is too old.
//! - Some messages are delivered twice, and some attempts fail and are retried after a pause.
//! - One order in a thousand fails on every attempt.

mod observation;
mod pool;
mod waiting;

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, VecDeque},
};

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    eta::{Estimate, ServiceTimes},
    history::{Fleet, History, StartedTenants, WorkerReport},
    lane::{Lane, Permits, Weights, kept},
};

use crate::polling_sim::{
    queue::{Class, Queue},
    random::Random,
};
use observation::COUNTS_LATE;
use pool::POLLERS;
use waiting::Waiting;

const DUPLICATES: f64 = 0.002;
const FAILURES: f64 = 0.01;
const POISON: f64 = 0.001;
const ATTEMPTS: u32 = 5;
/// Seconds: as the workers do.
const KEPT_FOR: f64 = 3_600.0;

/// One measured order. Times are seconds since it was posted, unless stated otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MeasuredOrder {
    /// Which tenant posted it, from 0.
    pub(crate) tenant: usize,
    /// Seconds since measuring started.
    pub(crate) posted: f64,
    /// When its first attempt started.
    pub(crate) first_started: f64,
    /// When its last attempt started.
    pub(crate) started: f64,
    /// When its final status was published.
    pub(crate) done: f64,
    /// The estimate at POST.
    pub(crate) estimate: Estimate,
    /// The same for the whole queue, whosever orders wait there.
    pub(crate) of_queue: Estimate,
    /// The same, given the true workers and their service time.
    pub(crate) informed: Estimate,
    /// The estimate of the baseline.
    pub(crate) baseline: Estimate,
    /// Messages in the queue times the mean service time, in seconds.
    pub(crate) naive: f64,
    /// The service times that the worker knew when it started.
    pub(crate) times: ServiceTimes,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Event {
    Arrive,
    /// An order's attempt ends; by its epoch, because a worker that died ends nothing.
    End(usize, u32),
    /// A second delivery of a tenant's message ends, which does nothing.
    EndOfDuplicate(usize, Lane),
    /// A message is visible again.
    Visible(usize),
    Report,
    Ramp,
    Happen(usize),
}

#[derive(Debug, Clone, Copy)]
struct Timed(f64, u64, Event);

impl PartialEq for Timed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl Eq for Timed {}
impl PartialOrd for Timed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Timed {
    /// The earliest is the greatest, and of two at a time the one planned first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.total_cmp(&self.0).then(other.1.cmp(&self.1))
    }
}

#[derive(Debug, Clone, Copy)]
struct Job {
    posted: f64,
    started: f64,
    attempt: u32,
    epoch: u32,
    worker: usize,
    tenant: usize,
    lane: Lane,
    poison: bool,
    fails: bool,
    busy: f64,
    /// Seconds from its delivery to its start.
    taken: f64,
    measured: Option<MeasuredOrder>,
}

#[derive(Debug)]
struct Worker {
    alive: bool,
    history: History,
    learned: bool,
    finished: VecDeque<f64>,
    tenants: StartedTenants,
    report: Option<WorkerReport>,
}

struct World<'a> {
    queue: &'a Queue,
    random: Random,
    stream: u64,
    now: f64,
    events: BinaryHeap<Timed>,
    planned: u64,
    orders: Vec<Job>,
    /// The messages of normal orders, and those of the quiet lane.
    waiting: Waiting,
    quiet: Waiting,
    weights: Weights,
    /// Until when permits are kept free for the quiet lane.
    quiet_until: f64,
    busy_quiet: usize,
    hidden: usize,
    busy: usize,
    pool: usize,
    ramp: f64,
    pace: f64,
    /// The counts as they were: time, visible, in flight.
    counts: VecDeque<(f64, usize, usize)>,
    arrivals: VecDeque<f64>,
    /// When each tenant posted.
    posts: Vec<Vec<f64>>,
    workers: Vec<Worker>,
    fleet: Fleet,
    times: ServiceTimes,
    refreshed: f64,
    measured_from: f64,
    left: usize,
}

/// Runs a queue until every measured order has ended.
pub(crate) fn run(queue: &Queue, seed: u64, stream: u64) -> Vec<MeasuredOrder> {
    let elastic = queue.class == Class::Elastic;
    let mut world = World {
        queue,
        random: Random::new(seed, stream),
        stream: seed ^ (stream << 32),
        now: 0.0,
        events: BinaryHeap::new(),
        planned: 0,
        orders: Vec::with_capacity(queue.warm + queue.orders),
        waiting: Waiting::new(queue.tenants.len()),
        quiet: Waiting::new(queue.tenants.len()),
        weights: Weights::default(),
        quiet_until: f64::NEG_INFINITY,
        busy_quiet: 0,
        hidden: 0,
        busy: 0,
        pool: if elastic { POLLERS } else { queue.concurrency },
        ramp: 0.0,
        pace: 1.0,
        counts: VecDeque::from([(f64::NEG_INFINITY, 0, 0)]),
        arrivals: VecDeque::new(),
        posts: vec![Vec::new(); queue.tenants.len().max(1)],
        workers: Vec::new(),
        fleet: Fleet::default(),
        times: ServiceTimes::configured(queue.guess),
        refreshed: f64::NEG_INFINITY,
        measured_from: f64::INFINITY,
        left: queue.orders,
    };
    world.join(queue.workers);
    world.plan(0.0, Event::Report);
    world.plan(0.0, Event::Arrive);
    if elastic {
        world.plan(0.0, Event::Ramp);
    }
    while world.left > 0 {
        let Some(Timed(at, _, event)) = world.events.pop() else { break };
        world.now = at;
        world.happen(event);
    }
    world.orders.iter().filter_map(|o| o.measured).collect()
}

/// A simulated second as a time of day.
fn clock(seconds: f64) -> DateTime<Utc> {
    #[expect(clippy::cast_possible_truncation, reason = "simulated years fit")]
    let ms = (seconds * 1e3) as i64;
    DateTime::UNIX_EPOCH + TimeDelta::milliseconds(ms)
}

impl World<'_> {
    fn plan(&mut self, after: f64, event: Event) {
        self.planned += 1;
        self.events.push(Timed(self.now + after, self.planned, event));
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive => self.arrive(),
            Event::End(order, epoch) => self.end(order, epoch),
            Event::EndOfDuplicate(tenant, lane) => self.release(tenant, lane),
            Event::Visible(order) => {
                self.hidden -= 1;
                let Job { tenant, lane, .. } = self.orders[order];
                self.lane(lane).add(tenant, Some(order));
            }
            Event::Report => self.report(),
            Event::Ramp => self.grow(),
            Event::Happen(index) => self.change(self.queue.changes[index].1),
        }
        self.start();
        let (visible, in_flight) = (self.waiting.len() + self.quiet.len(), self.busy + self.hidden);
        if self.counts.back().is_some_and(|&(_, v, f)| (v, f) != (visible, in_flight)) {
            self.counts.push_back((self.now, visible, in_flight));
        }
        while self.counts.get(1).is_some_and(|c| c.0 < self.now - COUNTS_LATE.1 - 2.0) {
            self.counts.pop_front();
        }
    }

    fn arrive(&mut self) {
        let index = self.orders.len();
        let queue = self.queue;
        if index == queue.warm {
            self.measure();
        }
        let tenant = queue.tenant(index, &mut self.random);
        let lane = if self.is_quiet(tenant) { Lane::Quiet } else { Lane::Normal };
        let measured = (index >= queue.warm).then(|| self.observe(tenant, lane));
        let poison = self.random.chance(POISON);
        let (posted, fails) = (self.now, false);
        self.orders.push(Job {
            posted,
            started: 0.0,
            attempt: 0,
            epoch: 0,
            worker: 0,
            tenant,
            lane,
            poison,
            fails,
            busy: 0.0,
            taken: 0.0,
            measured,
        });
        self.arrivals.push_back(self.now);
        self.posts[tenant].push(self.now);
        self.lane(lane).add(tenant, Some(index));
        if self.random.chance(DUPLICATES) {
            self.lane(lane).add(tenant, None);
        }
        if index + 1 < queue.warm + queue.orders {
            let pause = queue.pause(self.now, index + 1, &mut self.random);
            self.plan(pause, Event::Arrive);
        }
    }

    fn measure(&mut self) {
        self.measured_from = self.now;
        for (index, &(after, _)) in self.queue.changes.iter().enumerate() {
            self.plan(after, Event::Happen(index));
        }
    }

    /// Delivers waiting messages to idle workers.
    fn start(&mut self) {
        while let Some((lane, tenant, message)) = self.take() {
            let Some(index) = message else {
                self.plan(0.05, Event::EndOfDuplicate(tenant, lane));
                continue;
            };
            let worker = self.some_worker();
            let service = self.queue.service.draw(self.queue.mean * self.pace, &mut self.random);
            let poison = self.orders[index].poison;
            let fails = poison || self.random.chance(FAILURES);
            let busy = if fails { service * self.random.unit() } else { service };
            let taken = self.random.between(0.01, 0.1);
            // A worker keeps its permit until the end is published.
            let busy = if fails { busy } else { busy + self.random.between(0.03, 0.15) };
            let order = &mut self.orders[index];
            (order.started, order.worker, order.fails, order.busy) = (self.now + taken, worker, fails, busy);
            order.taken = taken;
            order.attempt += 1;
            let (epoch, attempt, posted) = (order.epoch, order.attempt, order.posted);
            let (now, due) = (clock(self.now), (attempt == 1).then(|| clock(posted)));
            let first_started = self.now + taken - posted;
            if let Some(measured) = order.measured.as_mut().filter(|_| attempt == 1) {
                measured.first_started = first_started;
            }
            self.workers[worker].tenants.start(&Queue::name(tenant), due, now);
            self.plan(taken + busy, Event::End(index, epoch));
        }
    }

    /// The next message for a free permit, if there is one for it.
    fn take(&mut self) -> Option<(Lane, usize, Option<usize>)> {
        let permits = self.permits();
        let asks = |lane: &Lane| {
            let waiting = if *lane == Lane::Quiet { &self.quiet } else { &self.waiting };
            permits.usable(*lane) > 0 && !waiting.is_empty()
        };
        let lane = self.weights.next([Lane::Quiet, Lane::Normal].into_iter().filter(asks))?;
        let (tenant, message) = self.lane(lane).next()?;
        self.weights.taken(lane, 1);
        self.busy += 1;
        if lane == Lane::Quiet {
            self.busy_quiet += 1;
            self.quiet_until = self.now + KEPT_FOR;
        }
        Some((lane, tenant, message))
    }

    /// An order is not worked on any more.
    fn release(&mut self, tenant: usize, lane: Lane) {
        self.busy -= 1;
        self.busy_quiet -= usize::from(lane == Lane::Quiet);
        self.lane(lane).ended(tenant);
    }

    fn lane(&mut self, lane: Lane) -> &mut Waiting {
        if lane == Lane::Quiet { &mut self.quiet } else { &mut self.waiting }
    }

    /// The permits of all workers together.
    fn permits(&self) -> Permits {
        let alive = self.workers.iter().filter(|w| w.alive).count().max(1);
        let keeps = self.now < self.quiet_until;
        let kept = if keeps { alive * kept(self.pool / alive) } else { 0 };
        Permits { all: self.pool, free: self.pool.saturating_sub(self.busy), kept, quiet: self.busy_quiet }
    }

    fn some_worker(&mut self) -> usize {
        let alive: Vec<usize> = (0..self.workers.len()).filter(|&w| self.workers[w].alive).collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index")]
        let index = (self.random.unit() * alive.len() as f64) as usize;
        alive[index]
    }

    fn end(&mut self, index: usize, epoch: u32) {
        let order = self.orders[index];
        if order.epoch != epoch {
            return;
        }
        self.release(order.tenant, order.lane);
        self.workers[order.worker].tenants.stop(&Queue::name(order.tenant));
        if order.fails && order.attempt < ATTEMPTS {
            self.hidden += 1;
            self.plan(5.0 * f64::from(1 << (order.attempt - 1)), Event::Visible(index));
            return;
        }
        let worker = &mut self.workers[order.worker];
        worker.history.record(order.taken + order.busy, order.attempt, clock(self.now));
        worker.learned = true;
        worker.finished.push_back(self.now);
        let (posted, started, done) = (order.posted, order.started, self.now);
        let times = self.times;
        if let Some(measured) = &mut self.orders[index].measured {
            (measured.started, measured.done, measured.times) = (started - posted, done - posted, times);
            self.left -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::polling_sim::queue::Distribution;

    #[test]
    fn the_same_seed_gives_the_same_world_and_every_order_ends() {
        for class in Class::ALL {
            let mut queue = Queue::new(class, Distribution::Exponential, 10.0, 20);
            (queue.warm, queue.orders) = (100, 300);
            let (one, two) = (run(&queue, 7, 1), run(&queue, 7, 1));
            assert_eq!(one.len(), 300, "{class:?}");
            assert!(one.iter().zip(&two).all(|(a, b)| a.done.to_bits() == b.done.to_bits()), "{class:?}");
            assert!(one.iter().all(|o| 0.0 < o.started && o.started < o.done), "{class:?}");
            assert_ne!(one[0].done.to_bits(), run(&queue, 8, 1)[0].done.to_bits(), "{class:?}");
        }
    }

    #[test]
    fn in_an_idle_queue_an_order_takes_its_service_time() {
        let mut queue = Queue::new(Class::Idle, Distribution::Deterministic, 10.0, 20);
        (queue.warm, queue.orders) = (100, 1_000);
        let orders = run(&queue, 1, 1);
        let usual = orders.iter().filter(|o| (o.done - 10.15).abs() < 0.15).count();
        assert!(usual > 950, "{usual}");
        assert!(orders.iter().skip(100).all(|o| (o.estimate.p50 - 10.0).abs() < 0.5), "the history has learned it");
    }
}
