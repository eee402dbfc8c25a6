//! When is progress worth a write? Each costs a PUT, as much as 12.5 GETs.
//!
//! For clients: as soon as it changes what they should do. For people: every now and then. Never sooner than two seconds
//! after the last write, because rapid PUTs to one key are throttled.

use std::time::Duration;

use chrono::{DateTime, Utc};
use offload_domain::{
    eta,
    status::{EtaWindow, ProgressReport},
};
use tokio::time::Instant;

/// The shortest time between two writes of one status object.
const GAP: Duration = Duration::from_secs(2);

/// What was told of an attempt's progress, and when.
pub(super) struct Telling {
    started: Instant,
    told_at: Instant,
    interval: Duration,
    told: Option<ProgressReport>,
    /// Looked at, and found to change nothing for clients.
    weighed: Option<ProgressReport>,
}

impl Telling {
    /// For an attempt that starts at `started`, of which people hear every `interval`.
    pub(super) fn new(started: Instant, interval: Duration) -> Self {
        Self { started, told_at: started, interval, told: None, weighed: None }
    }

    /// When to weigh the latest report; `None` if there is nothing new.
    pub(super) fn weigh_at(&self, latest: Option<&ProgressReport>) -> Option<Instant> {
        let latest = latest.filter(|l| self.told.as_ref() != Some(l))?;
        let wait = if self.weighed.as_ref() == Some(latest) { self.interval } else { GAP.min(self.interval) };
        Some(self.told_at + wait)
    }

    /// The finish by the work's own pace, if the report tells.
    pub(super) fn hint(&self, report: &ProgressReport, at: Instant, now: DateTime<Utc>) -> Option<EtaWindow> {
        eta::finish_hint((at - self.started).as_secs_f64(), report.percent).map(|e| e.window(now))
    }

    /// Whether to tell the report at `at`, which is `now` on the clock, where `shown` stands in the status object.
    pub(super) fn is_due(
        &mut self,
        report: &ProgressReport,
        shown: Option<&EtaWindow>,
        at: Instant,
        now: DateTime<Utc>,
    ) -> bool {
        let for_people = at >= self.told_at + self.interval;
        let for_clients = || match (shown, self.hint(report, at, now)) {
            (Some(shown), Some(hint)) => eta::worth_publishing(shown, &hint, now),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let due = for_people || for_clients();
        if due {
            self.told = Some(report.clone());
            self.told_at = at;
        } else {
            self.weighed = Some(report.clone());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn clients_hear_at_once_what_concerns_them_and_people_every_now_and_then() {
        let (start, epoch) = (Instant::now(), DateTime::UNIX_EPOCH);
        let at = |s: u64| (start + Duration::from_secs(s), epoch + TimeDelta::seconds(s.cast_signed()));
        let window = |lo, mid, hi| {
            let t = |s| epoch + TimeDelta::seconds(s);
            EtaWindow { earliest_at: t(lo), at: t(mid), latest_at: t(hi) }
        };
        let mut telling = Telling::new(start, Duration::from_secs(10));
        let ten = ProgressReport::new(10, None);
        assert_eq!(telling.weigh_at(None), None);
        assert_eq!(telling.weigh_at(Some(&ten)), Some(at(2).0));
        // A tenth in 10 s of what was expected to take 100 s: as expected.
        let shown = window(90, 100, 110);
        assert!(!telling.is_due(&ten, Some(&shown), at(9).0, at(9).1));
        assert_eq!(telling.weigh_at(Some(&ten)), Some(at(10).0), "for people, later");
        assert!(telling.is_due(&ten, Some(&shown), at(10).0, at(10).1));
        assert_eq!(telling.weigh_at(Some(&ten)), None, "told");
        // A twentieth in 12 s, of what should end about now: four minutes of looks in vain.
        let slow = ProgressReport::new(5, None);
        assert_eq!(telling.weigh_at(Some(&slow)), Some(at(12).0));
        assert!(telling.is_due(&slow, Some(&window(11, 12, 13)), at(12).0, at(12).1));
    }
}
