//! When is progress worth a write? Each costs a PUT, as much as 12.5 GETs.
//!
//! For clients: as soon as it changes what they should do. For people: every now and then. Never
//! sooner than two seconds after the last write, because rapid PUTs to one key are throttled.

use std::time::Duration;

use chrono::{DateTime, Utc};
use offload_domain::{
    eta,
    status::{EtaWindow, ProgressReport},
};
use tokio::time::Instant;

/// The shortest time between two writes of one status object.
const GAP: Duration = Duration::from_secs(2);

/// Which progress of an attempt was written, and when.
pub(super) struct ProgressWrites {
    started: Instant,
    interval: Duration,
    written_at: Instant,
    written: Option<ProgressReport>,
    /// Considered, and not written because it changes nothing for clients.
    considered: Option<ProgressReport>,
}

impl ProgressWrites {
    /// For an attempt that starts at `started`. For people, progress is written every `interval`.
    pub(super) fn new(started: Instant, interval: Duration) -> Self {
        Self { started, interval, written_at: started, written: None, considered: None }
    }

    /// When to consider the latest report; `None` if there is nothing new.
    pub(super) fn consider_at(&self, latest: Option<&ProgressReport>) -> Option<Instant> {
        let latest = latest.filter(|l| self.written.as_ref() != Some(l))?;
        let wait = if self.considered.as_ref() == Some(latest) { self.interval } else { GAP.min(self.interval) };
        Some(self.written_at + wait)
    }

    /// The finish by the work's own pace, if the report allows an estimate.
    pub(super) fn estimate(&self, report: &ProgressReport, at: Instant, now: DateTime<Utc>) -> Option<EtaWindow> {
        eta::finish_hint((at - self.started).as_secs_f64(), report.percent).map(|e| e.window(now))
    }

    /// Whether to write the report at `at`, which is `now` on the clock; `published` is the window
    /// in the status object.
    pub(super) fn is_due(
        &mut self,
        report: &ProgressReport,
        published: Option<&EtaWindow>,
        at: Instant,
        now: DateTime<Utc>,
    ) -> bool {
        let for_people = at >= self.written_at + self.interval;
        let for_clients = || match (published, self.estimate(report, at, now)) {
            (Some(published), Some(estimate)) => eta::worth_publishing(published, &estimate, now),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        let due = for_people || for_clients();
        if due {
            self.written = Some(report.clone());
            self.written_at = at;
        } else {
            self.considered = Some(report.clone());
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn progress_is_written_at_once_for_clients_and_seldom_for_people() {
        let (start, epoch) = (Instant::now(), DateTime::UNIX_EPOCH);
        let at = |s: u64| (start + Duration::from_secs(s), epoch + TimeDelta::seconds(s.cast_signed()));
        let window = |lo, mid, hi| {
            let t = |s| epoch + TimeDelta::seconds(s);
            EtaWindow { earliest_at: t(lo), at: t(mid), latest_at: t(hi) }
        };
        let mut writes = ProgressWrites::new(start, Duration::from_secs(10));
        let ten = ProgressReport::new(10, None);
        assert_eq!(writes.consider_at(None), None);
        assert_eq!(writes.consider_at(Some(&ten)), Some(at(2).0));
        // A tenth in 10 s of what was expected to take 100 s: as expected.
        let published = window(90, 100, 110);
        assert!(!writes.is_due(&ten, Some(&published), at(9).0, at(9).1));
        assert_eq!(writes.consider_at(Some(&ten)), Some(at(10).0), "for people, later");
        assert!(writes.is_due(&ten, Some(&published), at(10).0, at(10).1));
        assert_eq!(writes.consider_at(Some(&ten)), None, "written");
        // A twentieth in 12 s, of what should end about now: four minutes of polls in vain.
        let slow = ProgressReport::new(5, None);
        assert_eq!(writes.consider_at(Some(&slow)), Some(at(12).0));
        assert!(writes.is_due(&slow, Some(&window(11, 12, 13)), at(12).0, at(12).1));
    }
}
