//! What the answers of AWS say about the time. Pure.
//!
//! Every answer has a `Date`, in whole seconds, that was true somewhere between the request and the
//! answer. So it bounds the time at which the program's monotonic clock was at zero, its *origin*.
//! Many answers bound it to about the time of a round trip. Where the system's clock is within the
//! bounds nothing better is known, and it is believed; else the middle of the bounds is.

use std::{cmp::Reverse, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};

use crate::time::to_millis;

/// The resolution of `Date`.
const RESOLUTION: Duration = Duration::from_secs(1);

/// What a server's clock may be off, or its `Date` be stale: some servers write it once a second.
const SLACK: Duration = Duration::from_millis(500);

/// The monotonic clock gains or loses at most one part in so many: 200 ppm, more than a quartz and
/// less than what NTP may slew.
const DRIFT_PARTS: i64 = 5_000;

/// From this offset on the system's clock is reported as wrong.
pub const OFFSET_REPORTED: TimeDelta = TimeDelta::seconds(5);

/// A moment by both clocks of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The monotonic clock, since the program started. It never jumps; while the machine is
    /// suspended it may stop.
    pub monotonic: Duration,
    /// The system's clock. It may be wrong, and may jump.
    pub system: DateTime<Utc>,
}

impl Moment {
    fn clocks(self) -> Clocks {
        let monotonic = micros(self.monotonic);
        Clocks { monotonic, origin: since_epoch(self.system) - monotonic }
    }
}

/// A [`Moment`] in microseconds: each call of AWS asks for the time several times, and chrono's
/// arithmetic goes by the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clocks {
    monotonic: i64,
    /// The origin since 1970, if the system's clock is right.
    origin: i64,
}

/// No sum of ten such times overflows: 18,000 years.
const MICROS_MAX: i64 = i64::MAX / 16;

fn micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).map_or(MICROS_MAX, |micros| micros.min(MICROS_MAX))
}

fn since_epoch(time: DateTime<Utc>) -> i64 {
    time.timestamp_micros().clamp(-MICROS_MAX, MICROS_MAX)
}

/// An answer with a `Date`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatedAnswer {
    /// When the request was sent, by the monotonic clock.
    pub sent: Duration,
    /// When the answer came.
    pub received: Moment,
    /// Its `Date`.
    pub date: DateTime<Utc>,
}

/// The best guess at the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// The time.
    pub now: DateTime<Utc>,
    /// How far it may be off; `None` before the first answer.
    pub uncertainty: Option<TimeDelta>,
    /// What it is ahead of the system's clock; zero where that may be right.
    pub offset: TimeDelta,
}

/// What the time is taken to be off where no answer has said it: what NTP leaves, and more.
const UNCERTAINTY_BEFORE_ANSWERS: TimeDelta = TimeDelta::seconds(1);

impl Estimate {
    /// The time of a clock that is exact.
    #[must_use]
    pub fn exact(now: DateTime<Utc>) -> Self {
        Self { now, uncertainty: Some(TimeDelta::zero()), offset: TimeDelta::zero() }
    }

    /// The time is not before this, in whole milliseconds.
    #[must_use]
    pub fn earliest(self) -> DateTime<Utc> {
        to_millis(self.now - self.uncertainty.unwrap_or(UNCERTAINTY_BEFORE_ANSWERS))
    }

    /// The time is not after this, in whole milliseconds.
    #[must_use]
    pub fn latest(self) -> DateTime<Utc> {
        let latest = self.now + self.uncertainty.unwrap_or(UNCERTAINTY_BEFORE_ANSWERS);
        let whole = to_millis(latest);
        if whole < latest { whole + TimeDelta::milliseconds(1) } else { whole }
    }
}

/// What is known of the time, by the service that said it.
///
/// Servers that are not AWS may disagree. Then most of them are believed, and if it is a draw,
/// those nearest to the system's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discipline {
    services: Vec<(String, Bounds)>,
}

impl Discipline {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { services: Vec::new() }
    }

    /// Learns from an answer of a service.
    pub fn learn(&mut self, service: &str, answer: DatedAnswer) {
        let new = Bounds::of(answer);
        let Some((_, known)) = self.services.iter_mut().find(|(name, _)| name == service) else {
            self.services.push((service.to_owned(), new));
            return;
        };
        match known.narrowed(new) {
            Some(narrowed) => *known = narrowed,
            // The service contradicts itself: the monotonic clock stopped meanwhile, as in a
            // suspended machine, and nothing that was known counts.
            None => self.services = vec![(service.to_owned(), new)],
        }
    }

    /// The time at a moment.
    #[must_use]
    pub fn estimate(&self, now: Moment) -> Estimate {
        let clocks = now.clocks();
        let believed = clocks.origin;
        let Some(span) = self.span(clocks) else {
            return Estimate { now: now.system, uncertainty: None, offset: TimeDelta::zero() };
        };
        let origin = if span.contains(believed) { believed } else { span.middle() };
        let offset = TimeDelta::microseconds(origin - believed);
        Estimate {
            now: now.system + offset,
            uncertainty: Some(TimeDelta::microseconds((origin - span.earliest).max(span.latest - origin))),
            offset,
        }
    }

    /// What most services agree on.
    fn span(&self, now: Clocks) -> Option<Span> {
        let spans = || self.services.iter().map(|(_, bounds)| bounds.at(now));
        let overlap_from = |earliest: i64| {
            let agreeing = spans().filter(|span| span.contains(earliest));
            let latest = agreeing.clone().map(|span| span.latest).min().unwrap_or(earliest);
            (agreeing.count(), Span { earliest, latest })
        };
        let overlaps = spans().map(|span| overlap_from(span.earliest));
        let best = overlaps.max_by_key(|(agreeing, span)| (*agreeing, Reverse(span.distance(now.origin))));
        best.map(|(_, span)| span)
    }
}

/// Within what the origin is, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    earliest: i64,
    latest: i64,
}

impl Span {
    fn contains(self, origin: i64) -> bool {
        (self.earliest..=self.latest).contains(&origin)
    }

    fn middle(self) -> i64 {
        self.earliest + (self.latest - self.earliest) / 2
    }

    fn distance(self, origin: i64) -> i64 {
        (self.earliest - origin).max(origin - self.latest).max(0)
    }
}

/// Within what the origin was when an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    span: Span,
    learned: Clocks,
}

impl Bounds {
    fn of(answer: DatedAnswer) -> Self {
        // The server's clock was within a second of the date when the request was there: after it
        // was sent, and before its answer came.
        let (date, learned) = (since_epoch(answer.date), answer.received.clocks());
        let earliest = date - learned.monotonic - micros(SLACK);
        let latest = date + micros(RESOLUTION + SLACK) - micros(answer.sent);
        Self { span: Span { earliest, latest: latest.max(earliest) }, learned }
    }

    /// Within what it is at a later moment.
    fn at(&self, now: Clocks) -> Span {
        let drift = (now.monotonic - self.learned.monotonic).max(0) / DRIFT_PARTS;
        // The system's clock has gone ahead of the monotonic one. Either it was set, or the machine
        // was suspended and the monotonic clock has missed that time: the next answer decides.
        let gone_ahead = (now.origin - self.learned.origin).max(0);
        Span { earliest: self.span.earliest - drift, latest: self.span.latest + drift + gone_ahead }
    }

    /// Both together; `None` if they contradict each other.
    fn narrowed(&self, new: Self) -> Option<Self> {
        let old = self.at(new.learned);
        let earliest = old.earliest.max(new.span.earliest);
        let latest = old.latest.min(new.span.latest);
        (earliest <= latest).then_some(Self { span: Span { earliest, latest }, ..new })
    }
}

/// What to report of the system's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockReport {
    /// It is wrong by this much.
    Wrong(TimeDelta),
    /// It was reported as wrong, and is right again.
    RightAgain,
}

/// Reports a wrong clock once, and again when it has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClockReports {
    reported: Option<TimeDelta>,
}

impl ClockReports {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { reported: None }
    }

    /// What to report at this offset, if anything.
    pub fn next(&mut self, offset: TimeDelta) -> Option<ClockReport> {
        let changed = (offset - self.reported.unwrap_or_default()).abs() >= OFFSET_REPORTED;
        if offset.abs() >= OFFSET_REPORTED && changed {
            self.reported = Some(offset);
            return Some(ClockReport::Wrong(offset));
        }
        if offset.abs() < OFFSET_REPORTED / 2 && self.reported.take().is_some() {
            return Some(ClockReport::RightAgain);
        }
        None
    }
}

#[cfg(test)]
mod tests;
