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
const DRIFT_PARTS: u32 = 5_000;

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
    /// The origin, if the system's clock is right.
    fn origin(self) -> DateTime<Utc> {
        self.system - self.monotonic
    }
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
        let believed = now.origin();
        let Some(span) = self.span(now) else {
            return Estimate { now: now.system, uncertainty: None, offset: TimeDelta::zero() };
        };
        let origin = if span.contains(believed) { believed } else { span.middle() };
        Estimate {
            now: origin + now.monotonic,
            uncertainty: Some((origin - span.earliest).max(span.latest - origin)),
            offset: origin - believed,
        }
    }

    /// What most services agree on.
    fn span(&self, now: Moment) -> Option<Span> {
        let spans = || self.services.iter().map(|(_, bounds)| bounds.at(now));
        let overlap_from = |earliest: DateTime<Utc>| {
            let agreeing = spans().filter(|span| span.contains(earliest));
            let latest = agreeing.clone().map(|span| span.latest).min().unwrap_or(earliest);
            (agreeing.count(), Span { earliest, latest })
        };
        let overlaps = spans().map(|span| overlap_from(span.earliest));
        let best = overlaps.max_by_key(|(agreeing, span)| (*agreeing, Reverse(span.distance(now.origin()))));
        best.map(|(_, span)| span)
    }
}

/// Within what the origin is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    earliest: DateTime<Utc>,
    latest: DateTime<Utc>,
}

impl Span {
    fn contains(self, origin: DateTime<Utc>) -> bool {
        (self.earliest..=self.latest).contains(&origin)
    }

    fn middle(self) -> DateTime<Utc> {
        self.earliest + (self.latest - self.earliest) / 2
    }

    fn distance(self, origin: DateTime<Utc>) -> TimeDelta {
        (self.earliest - origin).max(origin - self.latest).max(TimeDelta::zero())
    }
}

/// Within what the origin was when an answer came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    span: Span,
    learned: Moment,
}

impl Bounds {
    fn of(answer: DatedAnswer) -> Self {
        // The server's clock was within a second of the date when the request was there: after it
        // was sent, and before its answer came.
        let earliest = answer.date - answer.received.monotonic - SLACK;
        let latest = answer.date + RESOLUTION - answer.sent + SLACK;
        Self { span: Span { earliest, latest: latest.max(earliest) }, learned: answer.received }
    }

    /// Within what it is at a later moment.
    fn at(&self, now: Moment) -> Span {
        let drift = now.monotonic.saturating_sub(self.learned.monotonic) / DRIFT_PARTS;
        // The system's clock has gone ahead of the monotonic one. Either it was set, or the machine
        // was suspended and the monotonic clock has missed that time: the next answer decides.
        let gone_ahead = (now.origin() - self.learned.origin()).max(TimeDelta::zero());
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
