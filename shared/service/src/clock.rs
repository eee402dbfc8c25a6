//! The one place that reads the clock and the random source. Everything else takes values.
//!
//! The time is AWS's, as far as its answers say it: leases and deadlines are compared between
//! machines, and URLs are refused by the clock of S3. It is carried on by the monotonic clock. A
//! system's clock that may be right is believed; see [`discipline`](offload_domain::discipline).

use std::{
    cell::RefCell,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::{
    discipline::{ClockReport, ClockReports, DatedAnswer, Discipline, Estimate, Moment},
    time::to_millis,
};
use parking_lot::RwLock;

/// When this program read the clock for the first time.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

static LEARNED: RwLock<Learned> = RwLock::new(Learned { discipline: Discipline::new(), reports: ClockReports::new() });

thread_local! {
    static OWN: RefCell<Option<OwnTime>> = const { RefCell::new(None) };
}

#[derive(Debug, Default)]
struct Learned {
    discipline: Discipline,
    reports: ClockReports,
}

/// What one of several programs in a process has learned of the time. A process that is one program
/// needs none.
#[derive(Debug, Clone, Default)]
pub struct OwnTime(Arc<RwLock<Learned>>);

impl OwnTime {
    /// Runs what belongs to this program, on this thread.
    pub fn within<T>(&self, run: impl FnOnce() -> T) -> T {
        let before = OWN.replace(Some(self.clone()));
        let done = run();
        OWN.set(before);
        done
    }
}

/// What the program that runs on this thread has learned.
fn learned<T>(with: impl FnOnce(&RwLock<Learned>) -> T) -> T {
    let own = OWN.with_borrow(Option::clone);
    with(own.as_ref().map_or(&LEARNED, |own| &own.0))
}

/// Now, in whole milliseconds: the precision of every time that the service states or stores.
#[must_use]
pub fn now() -> DateTime<Utc> {
    to_millis(estimate().now)
}

/// The time, and how far it may be off.
#[must_use]
pub fn time() -> Estimate {
    let estimate = estimate();
    Estimate { now: to_millis(estimate.now), ..estimate }
}

/// What the time is ahead of the system's clock; zero while that may be right.
#[must_use]
pub fn offset() -> TimeDelta {
    estimate().offset
}

/// A request to AWS that is under way.
#[derive(Debug, Clone, Copy)]
pub struct Exchange {
    sent: Duration,
    believed: DateTime<Utc>,
}

impl Exchange {
    /// The request is sent now.
    #[must_use]
    pub fn begin() -> Self {
        Self { sent: START.elapsed(), believed: estimate().now }
    }

    /// Its answer has come, with a `Date`. By what that was ahead of the time that was believed
    /// when the request was sent, give or take a second and the round trip.
    pub fn learn(self, service: &str, date: DateTime<Utc>) -> TimeDelta {
        let received = moment();
        let (estimate, report) = learned(|learned| {
            let mut learned = learned.write();
            learned.discipline.learn(service, DatedAnswer { sent: self.sent, received, date });
            let estimate = learned.discipline.estimate(received);
            (estimate, learned.reports.next(estimate.offset))
        });
        if let Some(report) = report {
            log(report, estimate);
        }
        date - (self.believed + received.monotonic.saturating_sub(self.sent))
    }
}

fn estimate() -> Estimate {
    let now = moment();
    learned(|learned| learned.read().discipline.estimate(now))
}

fn moment() -> Moment {
    #[expect(clippy::disallowed_methods, reason = "this is the clock; domain code takes the time as a parameter")]
    let system = Utc::now();
    Moment { monotonic: START.elapsed(), system }
}

fn log(report: ClockReport, estimate: Estimate) {
    let (offset, uncertainty) =
        (estimate.offset.as_seconds_f64(), estimate.uncertainty.unwrap_or_default().as_seconds_f64());
    match report {
        ClockReport::Wrong(_) => tracing::warn!(
            clock.offset_seconds = offset,
            clock.uncertainty_seconds = uncertainty,
            "this machine's clock is wrong, and the service goes by the time of AWS; let NTP set the clock"
        ),
        ClockReport::RightAgain => tracing::info!(clock.offset_seconds = offset, "this machine's clock is right again"),
    }
}

/// A random number generator, fit for secrets.
#[must_use]
pub fn random() -> impl rand::CryptoRng {
    rand::rng()
}

/// A random number in `[0, 1)`, for jitter.
#[must_use]
pub fn unit_random() -> f64 {
    #[expect(clippy::disallowed_methods, reason = "this is the random source; domain code takes numbers as parameters")]
    rand::random::<f64>()
}
