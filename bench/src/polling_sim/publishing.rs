//! What a worker writes of running orders, and what that costs: PUTs, and the polls and the delay
//! of clients that read it.
//!
//! Clients poll as `clients/rust` does, each wait ten percent shorter or longer. Workers decide by
//! the rule of the service (`offload_domain::publication`), and by simpler ones.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offload_cost::{Item, PriceList};
use offload_domain::{
    eta::{Estimate, finish_hint, started},
    publication::{ProgressWrites, Publication, Rules, Step},
    schedule::{Schedule, jittered},
    status::ProgressReport,
};
use serde::Serialize;

use super::{
    queue::{Class, Distribution, Queue},
    random::Random,
    world::{self, MeasuredOrder},
};

/// When a worker writes the object of a running order.
#[derive(Debug, Clone, Copy)]
enum Policy {
    /// Never.
    Never,
    /// Once, half a second after the work began.
    AsItRuns,
    /// Once, just before the first poll.
    FirstPoll,
    /// By the service's rule.
    Service(ProgressWrites),
}

const POLICIES: [(&str, Policy); 6] = [
    ("never", Policy::Never),
    ("after 0.5 s of work", Policy::AsItRuns),
    ("before the first poll, however short the work", Policy::FirstPoll),
    ("the service, progress off", Policy::Service(ProgressWrites::Off)),
    ("the service, some", Policy::Service(ProgressWrites::Some)),
    ("the service, live", Policy::Service(ProgressWrites::Live)),
];

/// What one way of writing costs in one queue.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PublishingFigures {
    pub(crate) queue: &'static str,
    pub(crate) policy: &'static str,
    /// PUTs and GETs for each order.
    pub(crate) puts: f64,
    pub(crate) polls: f64,
    /// Mean delay over mean sojourn.
    pub(crate) delay: f64,
    /// What a million orders cost in PUTs and GETs.
    pub(crate) dollars: f64,
}

/// Simulates each way of writing in queues of short and of long orders. Each processor reports how
/// far it is.
pub(crate) fn measure(seed: u64, quick: bool) -> Vec<PublishingFigures> {
    let queues = [
        ("2 s, 16 at once", 2.0, 16),
        ("10 s, 20 at once", 10.0, 20),
        ("60 s, 20 at once", 60.0, 20),
        ("600 s, 20 at once", 600.0, 20),
    ];
    let prices = PriceList::built_in().of("eu-west-1", None).expect("the built-in file has it");
    let mut figures = Vec::new();
    for (stream, (name, mean, concurrency)) in (7_000..).zip(queues) {
        let mut queue = Queue::new(Class::Steady, Distribution::LogNormal(0.5), mean, concurrency);
        queue.workers = 1;
        queue.orders = if quick { 2_000 } else { 20_000 };
        let orders = world::run(&queue, seed, stream);
        for (policy_name, policy) in POLICIES {
            let mut random = Random::new(seed, stream ^ 0x9B1);
            let (mut puts, mut polls, mut delay, mut whole) = (0.0, 0.0, 0.0, 0.0);
            for order in &orders {
                let written = policy.writes(order);
                let (order_polls, noticed) = poll(order, &written, &mut random);
                // Beside the pending object and the final one.
                puts += 2.0 + written.len() as f64;
                polls += order_polls;
                delay += noticed - order.done;
                whole += order.done;
            }
            let n = orders.len().max(1) as f64;
            let (puts, polls) = (puts / n, polls / n);
            let dollars = prices.dollars(Item::S3Put, 1e6 * puts) + prices.dollars(Item::S3Get, 1e6 * polls);
            figures.push(PublishingFigures {
                queue: name,
                policy: policy_name,
                puts,
                polls,
                delay: delay / whole,
                dollars,
            });
        }
    }
    figures
}

/// A write of the object, in seconds since POST, and the window in it, in the same.
struct Write {
    at: f64,
    window: Estimate,
}

impl Policy {
    fn writes(self, order: &MeasuredOrder) -> Vec<Write> {
        let at = match self {
            Self::Never => return Vec::new(),
            Self::Service(progress) => return by_the_service(progress, order),
            Self::AsItRuns => order.started + 0.5,
            Self::FirstPoll => order.started.max(0.9 * first_poll(order) - 0.25),
        };
        if at >= order.done {
            return Vec::new();
        }
        let hint = finish_hint(at - order.started, percent(order, at));
        let window = hint.map_or(started(&order.times).delayed(order.started), |hint| hint.delayed(at));
        vec![Write { at, window }]
    }
}

fn first_poll(order: &MeasuredOrder) -> f64 {
    Schedule::new(order.estimate.p10, order.estimate.p90).next_poll()
}

/// What the processor reports at a time.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a percentage")]
fn percent(order: &MeasuredOrder, at: f64) -> u8 {
    (100.0 * (at - order.started) / (order.done - order.started)).clamp(0.0, 99.0) as u8
}

fn by_the_service(progress: ProgressWrites, order: &MeasuredOrder) -> Vec<Write> {
    let (interval, processing_after) = (Duration::from_secs(10), Duration::from_millis(500));
    let rules = Rules { progress, interval, processing_after };
    let began_at = time(order.started);
    let mut publication = Publication::new(rules, time(0.0), Some(time(first_poll(order))), began_at);
    let mut known = started(&order.times).window(began_at);
    let length = order.done - order.started;
    // As often as the demo's processor reports.
    let every = (length / 20.0).clamp(0.02, 1.0);
    let (mut writes, mut ran) = (Vec::new(), 0.0);
    while ran < length {
        let since = Duration::from_secs_f64(ran);
        let latest = Some(ProgressReport::new(percent(order, order.started + ran), None));
        let due = publication.next(latest.as_ref(), false).is_some_and(|at| at <= since);
        if due && publication.decide(latest.as_ref(), false, Some(&known), since) == Step::Publish {
            known = publication.window(latest.as_ref(), Some(&known), since).unwrap_or(known);
            let seconds = |at: DateTime<Utc>| (at - time(0.0)).as_seconds_f64();
            let window =
                Estimate { p10: seconds(known.earliest_at), p50: seconds(known.at), p90: seconds(known.latest_at) };
            writes.push(Write { at: order.started + ran, window });
        }
        ran += every;
    }
    writes
}

fn time(seconds: f64) -> DateTime<Utc> {
    let since = Duration::from_secs_f64(seconds.max(0.0));
    DateTime::UNIX_EPOCH + TimeDelta::from_std(since).unwrap_or_default()
}

/// The polls of a client, and when it notices the end.
fn poll(order: &MeasuredOrder, writes: &[Write], random: &mut Random) -> (f64, f64) {
    let mut schedule = Schedule::new(order.estimate.p10, order.estimate.p90);
    let (mut now, mut polls, mut known) = (0.0, 0.0, 0);
    loop {
        let wait = Duration::from_secs_f64((schedule.next_poll() - now).max(0.0));
        now += jittered(wait, random.unit()).as_secs_f64();
        polls += 1.0;
        if now >= order.done {
            return (polls, now);
        }
        let written = writes.partition_point(|write| write.at <= now);
        schedule = match writes.get(written.wrapping_sub(1)) {
            Some(Write { window, .. }) if written > known => schedule.window_found_at(now, window.p10, window.p90),
            _ => schedule.polled_at(now),
        };
        known = written;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_writes_what_is_read_and_stays_within_its_aims() {
        let figures = measure(1, true);
        let of = |queue, policy| figures.iter().find(|f| f.queue == queue && f.policy == policy).unwrap();
        let some = of("2 s, 16 at once", "the service, some");
        assert!(some.puts <= 2.3 && some.polls <= 2.7 && some.delay <= 0.15, "{some:?}");
        let strict = of("2 s, 16 at once", "before the first poll, however short the work");
        assert!(strict.puts > 2.8, "{strict:?}");
        for queue in ["10 s, 20 at once", "60 s, 20 at once", "600 s, 20 at once"] {
            assert!(of(queue, "the service, progress off").puts <= 3.0, "{queue}");
            assert!(of(queue, "the service, some").puts <= 6.0, "{queue}");
        }
    }
}
