//! The simulated queues: arrivals, workers, service times.

use offload_domain::tenant::Tenant;

use super::random::Random;

/// The distribution of service times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Distribution {
    /// Always the same.
    Deterministic,
    /// Log-normal, with this coefficient of variation.
    LogNormal(f64),
    /// As in M/M/c.
    Exponential,
}

impl Distribution {
    pub(crate) const ALL: [Self; 4] =
        [Self::Deterministic, Self::LogNormal(0.5), Self::Exponential, Self::LogNormal(2.0)];

    /// Seconds, with this mean.
    pub(crate) fn draw(self, mean: f64, random: &mut Random) -> f64 {
        match self {
            Self::Deterministic => mean,
            Self::Exponential => random.exponential(mean),
            Self::LogNormal(cv) => {
                let sigma = (cv * cv).ln_1p().sqrt();
                mean / (1.0 + cv * cv).sqrt() * (sigma * random.normal()).exp()
            }
        }
    }
}

/// The kinds of queues, by their arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Class {
    Idle,
    Steady,
    Busy,
    Burst,
    Diurnal,
    Elastic,
}

impl Class {
    pub(crate) const ALL: [Self; 6] = [Self::Idle, Self::Steady, Self::Busy, Self::Burst, Self::Diurnal, Self::Elastic];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle 0.3",
            Self::Steady => "0.7",
            Self::Busy => "0.95",
            Self::Burst => "burst",
            Self::Diurnal => "diurnal",
            Self::Elastic => "elastic",
        }
    }
}

/// A change of the workers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Change {
    /// So many more processes of the same size.
    Join(usize),
    /// So many processes die, with the orders that they process.
    Die(usize),
    /// Each order takes so many times as long from now on.
    Pace(f64),
}

/// One simulated queue.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) class: Class,
    pub(crate) service: Distribution,
    /// Mean service time, in seconds.
    pub(crate) mean: f64,
    /// Orders at a time; the maximum, if the queue is elastic.
    pub(crate) concurrency: usize,
    /// Worker processes that share them.
    pub(crate) workers: usize,
    /// Orders that arrive before those that are measured: they fill the history.
    pub(crate) warm: usize,
    /// Orders that are measured.
    pub(crate) orders: usize,
    /// The service's guess of the mean, in seconds.
    pub(crate) guess: f64,
    /// What happens, in seconds after measuring starts.
    pub(crate) changes: Vec<(f64, Change)>,
    /// The share of the capacity that arrives, where the class does not set it.
    pub(crate) load: f64,
    /// The share of the orders that each tenant posts; empty for one tenant.
    pub(crate) tenants: Vec<f64>,
    /// Whether there is a lane for quiet tenants.
    pub(crate) quiet_lane: bool,
}

impl Queue {
    /// A queue of a class, warmed up.
    pub(crate) fn new(class: Class, service: Distribution, mean: f64, concurrency: usize) -> Self {
        let load = match class {
            Class::Idle => 0.3,
            Class::Steady => 0.7,
            Class::Busy => 0.95,
            Class::Burst => 0.5,
            Class::Diurnal | Class::Elastic => 0.6,
        };
        Self {
            class,
            service,
            mean,
            concurrency,
            workers: concurrency.min(4),
            warm: 1_500,
            orders: 4_000,
            guess: 1.0,
            changes: Vec::new(),
            load,
            tenants: Vec::new(),
            quiet_lane: false,
        }
    }

    /// Who posts the `index`-th order.
    pub(crate) fn tenant(&self, index: usize, random: &mut Random) -> usize {
        if self.tenants.is_empty() || index == self.warm {
            return 0;
        }
        let drawn = random.unit();
        let mut sum = 0.0;
        let within = |share: &f64| {
            sum += share;
            drawn < sum
        };
        self.tenants.iter().position(within).unwrap_or_default()
    }

    /// The name of a tenant.
    pub(crate) fn name(tenant: usize) -> Tenant {
        // A name of a letter and a number is one.
        format!("t{tenant}").parse().unwrap_or_default()
    }

    /// Orders a second when every worker is busy.
    pub(crate) fn capacity(&self) -> f64 {
        self.concurrency as f64 / self.mean
    }

    /// The pause from `now` until the next order, the `index`-th.
    pub(crate) fn pause(&self, now: f64, index: usize, random: &mut Random) -> f64 {
        let capacity = self.capacity();
        let rate = match self.class {
            // All at once, as fast as an api accepts them, or over a minute.
            Class::Burst if index >= self.warm => {
                return random.exponential(if self.mean < 30.0 { 2e-4 } else { 6e-3 });
            }
            Class::Diurnal => {
                // From a tenth of the capacity to a tenth over it; a day of at least half an hour,
                // and 2,000 orders.
                let day = (2_000.0 / (self.load * capacity)).max(1_800.0);
                capacity * (self.load - 0.5 * (now / day * std::f64::consts::TAU).cos())
            }
            Class::Elastic => {
                // Quiet and a rush alternate. A rush lasts for some service times, and the pool
                // must grow for it.
                let period = 300.0 + 20.0 * self.mean;
                if (now / period).fract() < 0.8 { 0.02 * capacity } else { 1.5 * capacity }
            }
            _ => self.load * capacity,
        };
        random.exponential(1.0 / rate)
    }
}

/// All queues of the main table. 192 of them; a quick run takes fewer orders of fewer queues.
pub(crate) fn all(quick: bool) -> Vec<Queue> {
    let mut queues = Vec::new();
    for class in Class::ALL {
        let sizes = if class == Class::Elastic { [50, 100, 300, 1_000] } else { [1, 4, 20, 100] };
        for concurrency in sizes {
            for service in Distribution::ALL {
                for mean in [10.0, 60.0] {
                    let mut queue = Queue::new(class, service, mean, concurrency);
                    match class {
                        // So full a queue needs thousands of orders to forget that it began empty.
                        Class::Busy => (queue.warm, queue.orders) = (8_000, 24_000),
                        Class::Burst => queue.orders = 10_000,
                        Class::Elastic => {
                            queue.workers = 1;
                            // Some periods of quiet and rush.
                            queue.orders = concurrency * 60;
                        }
                        _ => {}
                    }
                    if quick {
                        queue.orders = if class == Class::Burst { 10_000 } else { queue.orders.min(3_000) };
                    }
                    queues.push(queue);
                }
            }
        }
    }
    if quick { queues.into_iter().filter(|q| q.mean < 20.0 || q.class == Class::Burst).collect() } else { queues }
}
