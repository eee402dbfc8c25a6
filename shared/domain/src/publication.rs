//! When is a running order worth a write of its status object? Pure.
//!
//! A PUT costs as much as 12.5 GETs, and is worth it only if somebody reads it. A client that
//! obeys the schedule polls first at a time that the service knows, so an order is published as
//! processing just before that, and only if it still runs then. From there on:
//!
//! - for clients, a newer window is published if it saves them more than a PUT costs,
//! - for people, progress is published as often as [`ProgressWrites`] allows.
//!
//! What subscribers are notified of needs no PUT: they have it at once.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    eta,
    schedule::{self, earliest_poll},
    status::{EtaWindow, ProgressReport},
};

/// The shortest time between two writes of one object: S3 throttles rapid PUTs to one key.
const GAP: Duration = Duration::from_secs(2);

/// Work that ends sooner is published as its end alone. A client that polls it reads `pending` once
/// or twice, seconds before the end. In a stream of orders of 2 s each, publishing every one that
/// is polled as it runs would cost 2.9 PUTs an order, and this costs 2.3 (`bench/README.md`).
pub const SHORT: Duration = Duration::from_millis(2_500);

/// How long before the first poll the PUT begins: longer than it takes.
const PUT_TIME: TimeDelta = TimeDelta::milliseconds(250);

/// PUTs for people that an attempt has with [`ProgressWrites::Some`]: at a quarter, half and three
/// quarters.
const SOME: u8 = 3;

/// How much of an order's progress is written to its status object, for people to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressWrites {
    /// None.
    Off,
    /// At a quarter, half and three quarters of the work, and no more often than the interval.
    Some,
    /// Each interval; and the order is published as processing as soon as it runs.
    Live,
}

/// What a worker's settings say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// How much progress is written for people.
    pub progress: ProgressWrites,
    /// The shortest time between two reports for people, and for subscribers.
    pub interval: Duration,
    /// Work that ends sooner is neither published nor notified of as processing.
    pub processing_after: Duration,
}

/// What is worth doing now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing.
    Nothing,
    /// Notify the subscribers of the order as it is in the table.
    Notify,
    /// Record how far the work is in the table, and notify the subscribers.
    Record,
    /// The same, and overwrite the status object.
    Publish,
}

/// What of one attempt was published, and of what its subscribers were notified. Times are those
/// since the attempt began.
#[derive(Debug, Clone)]
pub struct Publication {
    rules: Rules,
    /// When the attempt began, and when the order was accepted.
    began_at: DateTime<Utc>,
    accepted_at: DateTime<Utc>,
    /// When the order is published as processing, if it still runs.
    visible_after: Duration,
    /// When the object was written last, in this attempt.
    written: Option<Duration>,
    /// PUTs for people so far, and the report that the object has.
    for_people: u8,
    written_report: Option<ProgressReport>,
    /// Not worth a PUT for clients.
    considered: Option<ProgressReport>,
    /// When subscribers were notified last, and of what.
    notified: Option<Duration>,
    notified_report: Option<ProgressReport>,
}

impl Publication {
    /// For an attempt that begins at `began_at`. `first_poll_at` is when a client polls the pending
    /// object first, if that is known: by the schedule, without its jitter.
    #[must_use]
    pub fn new(
        rules: Rules,
        accepted_at: DateTime<Utc>,
        first_poll_at: Option<DateTime<Utc>>,
        began_at: DateTime<Utc>,
    ) -> Self {
        let polled_after = first_poll_at.map_or(Duration::ZERO, |first| {
            (earliest_poll(first, accepted_at) - PUT_TIME - began_at).to_std().unwrap_or_default()
        });
        let visible_after = match rules.progress {
            ProgressWrites::Live => rules.processing_after,
            ProgressWrites::Off | ProgressWrites::Some => polled_after.max(SHORT).max(rules.processing_after),
        };
        Self {
            rules,
            began_at,
            accepted_at,
            visible_after,
            written: None,
            for_people: 0,
            written_report: None,
            considered: None,
            notified: None,
            notified_report: None,
        }
    }

    /// When to decide next, with the latest report of the work; `None` if only a newer one could
    /// change anything. `subscribed`: whether somebody is to be notified.
    #[must_use]
    pub fn next(&self, latest: Option<&ProgressReport>, subscribed: bool) -> Option<Duration> {
        let object = match self.written {
            None => Some(self.visible_after),
            Some(at) => latest.filter(|l| self.written_report.as_ref() != Some(l)).and_then(|latest| {
                let for_clients = (self.considered.as_ref() != Some(latest)).then_some(at + GAP);
                let for_people = self.is_for_people(latest).then_some(at + self.rules.interval);
                for_clients.into_iter().chain(for_people).min()
            }),
        };
        let event = match self.notified {
            None => Some(self.rules.processing_after),
            Some(at) => (latest.is_some() && latest != self.notified_report.as_ref()).then(|| at + self.rules.interval),
        };
        object.into_iter().chain(event.filter(|_| subscribed)).min()
    }

    /// What to do `ran` after the attempt began. `window` is the one in the order table.
    pub fn decide(
        &mut self,
        latest: Option<&ProgressReport>,
        subscribed: bool,
        window: Option<&EtaWindow>,
        ran: Duration,
    ) -> Step {
        let publish = match self.written {
            None => ran >= self.visible_after,
            Some(at) => latest.is_some_and(|latest| {
                self.written_report.as_ref() != Some(latest)
                    && (self.people_read(latest, at, ran) || self.clients_save(latest, window, at, ran))
            }),
        };
        let notify = subscribed
            && match self.notified {
                None => ran >= self.rules.processing_after,
                Some(at) => {
                    latest.is_some() && latest != self.notified_report.as_ref() && ran >= at + self.rules.interval
                }
            };
        if publish {
            self.written = Some(ran);
            self.written_report = latest.cloned();
        }
        if notify || (publish && subscribed) {
            self.notified = Some(ran);
            self.notified_report = latest.cloned();
        }
        match (publish, notify) {
            (true, _) => Step::Publish,
            (false, true) if latest.is_some() => Step::Record,
            (false, true) => Step::Notify,
            (false, false) => Step::Nothing,
        }
    }

    /// The end by the work's own pace, if its report allows an estimate; else that of the order
    /// table.
    #[must_use]
    pub fn window(
        &self,
        latest: Option<&ProgressReport>,
        known: Option<&EtaWindow>,
        ran: Duration,
    ) -> Option<EtaWindow> {
        let hint = latest.and_then(|report| eta::finish_hint(ran.as_secs_f64(), report.percent));
        hint.map(|estimate| estimate.window(self.at(ran))).or(known.copied())
    }

    /// How long after `ran` a client should poll that finds this window, in milliseconds.
    #[must_use]
    pub fn poll_after_ms(&self, window: &EtaWindow, ran: Duration) -> u64 {
        schedule::poll_after_ms_since(window, self.accepted_at, self.at(ran))
    }

    fn at(&self, ran: Duration) -> DateTime<Utc> {
        self.began_at + TimeDelta::from_std(ran).unwrap_or_default()
    }

    /// Whether a report is one that people get to see.
    fn is_for_people(&self, latest: &ProgressReport) -> bool {
        let quarter = |report: Option<&ProgressReport>| report.map_or(0, |r| r.percent / 25);
        match self.rules.progress {
            ProgressWrites::Off => false,
            ProgressWrites::Some => {
                self.for_people < SOME && quarter(Some(latest)) > quarter(self.written_report.as_ref())
            }
            ProgressWrites::Live => true,
        }
    }

    fn people_read(&mut self, latest: &ProgressReport, written: Duration, ran: Duration) -> bool {
        let due = self.is_for_people(latest) && ran >= written + self.rules.interval;
        self.for_people = self.for_people.saturating_add(u8::from(due));
        due
    }

    fn clients_save(
        &mut self,
        latest: &ProgressReport,
        window: Option<&EtaWindow>,
        written: Duration,
        ran: Duration,
    ) -> bool {
        if ran < written + GAP {
            return false;
        }
        let new = self.window(Some(latest), None, ran);
        let saved = match (window, new) {
            (Some(old), Some(new)) => eta::worth_publishing(old, &new, self.accepted_at, self.at(ran)),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        self.considered = Some(latest.clone());
        saved
    }
}

#[cfg(test)]
mod tests;
