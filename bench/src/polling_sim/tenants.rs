//! A quiet tenant beside a busy one, in a fair queue, and with permits that are kept free for it.

use serde::Serialize;

use super::{
    clients::Client,
    figures::accuracy,
    queue::{Class, Distribution, Queue},
    random::Random,
    world::{self, MeasuredOrder},
};
use crate::statistics::{median, quantile};

/// The busy tenant posts half as much again as is worked on, and the quiet one 1/20 of all.
const LOAD: f64 = 1.5;
const SHARES: [f64; 2] = [0.95, 0.05];

/// How one tenant fares, by one estimate.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TenantFigures {
    pub(crate) queue: String,
    pub(crate) tenant: &'static str,
    pub(crate) estimate: &'static str,
    /// The median of |p50 - sojourn| / sojourn.
    pub(crate) mdape: f64,
    /// The share of orders that were done by p90.
    pub(crate) by_p90: f64,
    pub(crate) polls: f64,
    /// Mean delay over mean sojourn.
    pub(crate) delay: f64,
    /// Seconds from POST to the start: the median, and the 99th percentile.
    pub(crate) start_p50: f64,
    pub(crate) start_p99: f64,
    /// Orders that started in a second, while both posted.
    pub(crate) per_second: f64,
}

/// Simulates the quiet tenant alone, and both.
pub(crate) fn measure(seed: u64, quick: bool) -> Vec<TenantFigures> {
    let orders = if quick { 4_000 } else { 40_000 };
    let queues = [(20, 10.0), (100, 1.0), (100, 10.0)];
    let one = |(stream, (concurrency, mean)): (u64, (usize, f64))| {
        let queue = Queue::new(Class::Steady, Distribution::LogNormal(0.5), mean, concurrency);
        let alone = Queue { load: LOAD * SHARES[1], orders: orders / 20, ..queue.clone() };
        let both = Queue { load: LOAD, orders, tenants: SHARES.to_vec(), ..queue };
        let kept = Queue { quiet_lane: true, ..both.clone() };
        let alone = world::run(&alone, seed, 5_000 + stream);
        let run = |both: &Queue| -> (Vec<MeasuredOrder>, Vec<MeasuredOrder>) {
            world::run(both, seed, 6_000 + stream).into_iter().partition(|o| o.tenant == 0)
        };
        let ((busy, quiet), (busy_kept, quiet_kept)) = (run(&both), run(&kept));
        let name = format!("{concurrency} at once, {mean} s");
        let of_queue = |orders: &[MeasuredOrder]| -> Vec<MeasuredOrder> {
            orders.iter().map(|o| MeasuredOrder { estimate: o.of_queue, ..*o }).collect()
        };
        [
            figures(&name, "quiet, alone", "", &alone),
            figures(&name, "quiet, beside", "of the queue", &of_queue(&quiet)),
            figures(&name, "quiet, beside", "of the tenant", &quiet),
            figures(&name, "busy", "of the queue", &of_queue(&busy)),
            figures(&name, "busy", "of the tenant", &busy),
            figures(&name, "quiet, permits kept", "of the tenant", &quiet_kept),
            figures(&name, "busy, permits kept", "of the tenant", &busy_kept),
        ]
    };
    (0..).zip(queues).flat_map(one).collect()
}

fn figures(queue: &str, tenant: &'static str, estimate: &'static str, orders: &[MeasuredOrder]) -> TenantFigures {
    let (mut polls, mut delay, mut sojourn) = (0.0, 0.0, 0.0);
    for order in orders {
        let wait = Client::Schedule.wait(order, 0.0, &mut Random::new(0, 0));
        polls += f64::from(wait.polls);
        delay += wait.delay;
        sojourn += order.done;
    }
    let accuracy = accuracy(orders);
    TenantFigures {
        queue: queue.to_owned(),
        tenant,
        estimate,
        mdape: accuracy.mdape,
        by_p90: accuracy.by_p90,
        polls: polls / orders.len() as f64,
        delay: delay / sojourn,
        start_p50: median(orders.iter().map(|o| o.first_started)),
        start_p99: quantile(orders.iter().map(|o| o.first_started), 0.99),
        per_second: started_per_second(orders),
    }
}

/// From the first start to the last post: before that, orders start that are not measured.
fn started_per_second(orders: &[MeasuredOrder]) -> f64 {
    let starts = || orders.iter().map(|o| o.posted + o.first_started);
    let from = starts().fold(f64::INFINITY, f64::min);
    let until = orders.iter().map(|o| o.posted).fold(0.0, f64::max);
    starts().filter(|at| *at <= until).count() as f64 / (until - from).max(1e-9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_a_busy_tenant_a_quiet_one_has_an_estimate_of_its_own() {
        let all = measure(1, true);
        for of_queue in all.chunks(7) {
            let [alone, before, after, busy_before, busy, kept, busy_kept] = of_queue else { panic!("seven rows") };
            assert!(after.mdape < 1.5 * alone.mdape + 0.05 && after.by_p90 > 0.8, "{after:?} {alone:?}");
            assert!(before.mdape > 3.0 * after.mdape, "{before:?}");
            assert!(after.delay < 1.5 * alone.delay + 0.05, "{after:?} {alone:?}");
            assert!(busy.mdape < busy_before.mdape + 0.01, "{busy:?} {busy_before:?}");
            assert!(kept.start_p99 <= 2.0 * alone.start_p99, "{kept:?} {alone:?}");
            assert!(kept.mdape < 1.5 * alone.mdape + 0.05, "{kept:?} {alone:?}");
            assert!(busy_kept.per_second > 0.75 * busy.per_second, "{busy_kept:?} {busy:?}");
            assert!(busy_kept.mdape < busy.mdape + 0.05, "{busy_kept:?} {busy:?}");
        }
    }
}
