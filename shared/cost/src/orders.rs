//! What the service writes of an order and how often its client polls: the rules of
//! `offload_domain`, run for orders of every length of a log-normal distribution, in an idle queue.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    eta::{ServiceTimes, started},
    publication::{ProgressWrites, Publication, Rules, Step},
    schedule::{Schedule, jittered},
    status::ProgressReport,
};
use serde::Serialize;

use crate::scenario::{Progress, Scenario};

/// Lengths of which orders are taken: the middles of so many equal parts of the distribution.
const LENGTHS: u32 = 400;

/// The golden ratio spreads the waits of clients evenly, without a random number.
const SPREAD: f64 = 0.618_033_988_749_895;

/// A worker renews its lease each third of its term, which is 30 s (`OFFLOAD_VISIBILITY_SECONDS`).
const RENEWAL_SECONDS: f64 = 10.0;

/// `OFFLOAD_CANCEL_CHECK_SECONDS`.
const CANCEL_CHECK_SECONDS: f64 = 2.0;

/// `OFFLOAD_PROGRESS_INTERVAL_SECONDS`.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// `OFFLOAD_PROCESSING_AFTER_SECONDS`.
const PROCESSING_AFTER: Duration = Duration::from_millis(500);

/// Means over orders.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Behaviour {
    /// Writes of the status object while the order runs: beside the pending one and the end.
    pub running_puts: f64,
    /// Polls of a client that obeys the schedule, the last one included.
    pub polls: f64,
    /// How much later than the end it learns of it, as a share of the order's time.
    pub delay: f64,
    /// Renewals of a lease.
    pub renewals: f64,
    /// Reads by which a worker learns of a cancellation.
    pub cancel_checks: f64,
    /// Events that a subscriber gets: of the start, of progress and of the end.
    pub events: f64,
    /// Whole minutes that a connection is open for an order.
    pub minutes: f64,
}

/// A write of the object: when, and the window in it, in seconds since the order was accepted.
struct Write {
    at: f64,
    window: (f64, f64),
}

/// What orders of these lengths take.
#[must_use]
pub fn behaviour(scenario: &Scenario) -> Behaviour {
    let times = ServiceTimes::log_normal(scenario.run_seconds, scenario.variation * scenario.variation);
    let (mut sum, mut whole) = (Behaviour::default(), 0.0);
    for n in 0..LENGTHS {
        let n = f64::from(n);
        let length = quantile(scenario, (n + 0.5) / f64::from(LENGTHS));
        let writes = writes(scenario.progress, &times, length);
        let (polls, noticed) = poll(&times, length, &writes, n * SPREAD);
        sum.running_puts += writes.len() as f64;
        sum.polls += polls;
        sum.delay += noticed - length;
        // A check is put off by a renewal, which brings the same.
        let renewals = ticks(length, RENEWAL_SECONDS);
        sum.renewals += renewals;
        sum.cancel_checks += ticks(length, CANCEL_CHECK_SECONDS) - renewals;
        let started = f64::from(u8::from(length >= PROCESSING_AFTER.as_secs_f64()));
        let reports = scenario.progress != Progress::Off;
        sum.events += 1.0 + started + if reports { ticks(length, PROGRESS_INTERVAL.as_secs_f64()) } else { 0.0 };
        sum.minutes += (length / 60.0).ceil();
        whole += length;
    }
    let n = f64::from(LENGTHS);
    Behaviour {
        running_puts: sum.running_puts / n,
        polls: sum.polls / n,
        delay: sum.delay / whole,
        renewals: sum.renewals / n,
        cancel_checks: sum.cancel_checks / n,
        events: sum.events / n,
        minutes: sum.minutes / n,
    }
}

/// How often something that happens each `interval` happens within `length`.
fn ticks(length: f64, interval: f64) -> f64 {
    (length / interval).floor()
}

/// What a worker writes of an order whose work has a steady pace.
fn writes(progress: Progress, times: &ServiceTimes, length: f64) -> Vec<Write> {
    let (reports, writes) = match progress {
        Progress::Off => (false, ProgressWrites::Off),
        Progress::Some => (true, ProgressWrites::Some),
        Progress::Live => (true, ProgressWrites::Live),
    };
    let rules = Rules { progress: writes, interval: PROGRESS_INTERVAL, processing_after: PROCESSING_AFTER };
    let estimate = started(times);
    let first_poll = Schedule::new(estimate.p10, estimate.p90).next_poll();
    let mut publication = Publication::new(rules, time(0.0), Some(time(first_poll)), time(0.0));
    let mut known = estimate.window(time(0.0));
    let every = (length / 20.0).clamp(0.02, 1.0).max(length / 2_000.0);
    let (mut out, mut ran) = (Vec::new(), 0.0);
    while ran < length {
        let since = Duration::from_secs_f64(ran);
        let latest = reports.then(|| ProgressReport::new(percent(ran, length), None));
        let due = publication.next(latest.as_ref(), false).is_some_and(|at| at <= since);
        if due && publication.decide(latest.as_ref(), false, Some(&known), since) == Step::Publish {
            known = publication.window(latest.as_ref(), Some(&known), since).unwrap_or(known);
            let seconds = |at: DateTime<Utc>| (at - time(0.0)).as_seconds_f64();
            out.push(Write { at: ran, window: (seconds(known.earliest_at), seconds(known.latest_at)) });
        }
        ran += every;
    }
    out
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a percentage")]
fn percent(ran: f64, length: f64) -> u8 {
    (100.0 * ran / length).clamp(0.0, 99.0) as u8
}

fn time(seconds: f64) -> DateTime<Utc> {
    let since = Duration::from_secs_f64(seconds.max(0.0));
    DateTime::UNIX_EPOCH + TimeDelta::from_std(since).unwrap_or_default()
}

/// The polls of a client that obeys the schedule, and when it notices the end.
fn poll(times: &ServiceTimes, length: f64, writes: &[Write], seed: f64) -> (f64, f64) {
    let estimate = started(times);
    let mut schedule = Schedule::new(estimate.p10, estimate.p90);
    let (mut now, mut polls, mut known, mut random) = (0.0, 0.0, 0, seed);
    loop {
        let wait = Duration::from_secs_f64((schedule.next_poll() - now).max(0.0));
        random += SPREAD;
        now += jittered(wait, random.fract()).as_secs_f64();
        polls += 1.0;
        if now >= length {
            return (polls, now);
        }
        let written = writes.partition_point(|write| write.at <= now);
        schedule = match writes.get(written.wrapping_sub(1)) {
            Some(Write { window, .. }) if written > known => schedule.window_found_at(now, window.0, window.1),
            _ => schedule.polled_at(now),
        };
        known = written;
    }
}

/// The length below which a share of the orders are.
fn quantile(scenario: &Scenario, share: f64) -> f64 {
    let sigma2 = (scenario.variation * scenario.variation).ln_1p();
    let median = scenario.run_seconds / (sigma2 / 2.0).exp();
    median * (sigma2.sqrt() * normal_quantile(share)).exp()
}

/// The quantile of the normal distribution, by bisection of its distribution function.
fn normal_quantile(share: f64) -> f64 {
    let (mut low, mut high) = (-8.0, 8.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if normal(middle) < share { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The distribution function of the normal distribution, by Zelen and Severo's polynomial
/// (Abramowitz and Stegun 26.2.17), which is within 1e-7 of it.
fn normal(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let polynomial =
        t * (0.319_381_530 + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * polynomial;
    if z > 0.0 { 1.0 - tail } else { tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(run_seconds: f64, progress: Progress) -> Behaviour {
        behaviour(&Scenario { run_seconds, progress, ..Scenario::default() })
    }

    /// The figures of bench/README.md, of simulated queues at 70 % of what they can take.
    #[test]
    fn orders_take_what_they_take_in_simulated_queues() {
        for (run_seconds, progress, puts, polls) in [
            (2.0, Progress::Some, 0.25, 2.42),
            (10.0, Progress::Some, 0.93, 2.15),
            (10.0, Progress::Live, 1.39, 2.50),
            (60.0, Progress::Some, 1.71, 2.1),
            (60.0, Progress::Live, 6.42, 2.1),
            (600.0, Progress::Some, 1.74, 2.05),
            (600.0, Progress::Live, 57.77, 2.1),
        ] {
            let Behaviour { running_puts, polls: made, .. } = of(run_seconds, progress);
            // In a queue orders wait, too.
            assert!((running_puts - puts).abs() <= 0.03 * (2.0 + puts), "{run_seconds} {progress:?}: {running_puts}");
            assert!((made - polls).abs() <= 0.25, "{run_seconds} {progress:?}: {made}");
        }
    }

    #[test]
    fn what_is_done_by_time_grows_with_the_work() {
        let short = of(0.2, Progress::Off);
        assert!(short.running_puts < 1e-9 && short.renewals < 1e-9 && short.cancel_checks < 1e-9, "{short:?}");
        let long = of(600.0, Progress::Off);
        assert!((long.renewals - 59.5).abs() < 0.3 && (long.cancel_checks - 240.0).abs() < 1.0, "{long:?}");
    }

    #[test]
    fn times_without_variation_are_all_the_same() {
        let same = behaviour(&Scenario { run_seconds: 7.0, variation: 0.0, ..Scenario::default() });
        assert!((same.cancel_checks - 3.0).abs() < 1e-9, "{same:?}");
    }
}
