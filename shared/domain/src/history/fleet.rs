//! The workers together: each stores a [`WorkerReport`] every few seconds, and the api merges them.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{
    History,
    tenants::{StartedTenants, TenantStarts},
};
use crate::worker_figures::WorkerFigures;

/// A worker that has not reported for this long has stopped: it may miss three reports in a row.
///
/// With a longer time stopped workers would count too long. With a shorter one running workers
/// would not count, which is worse: to assume half the true concurrency costs more than to assume
/// twice it.
pub const REPORT_TTL: TimeDelta = TimeDelta::seconds(12);

/// More orders than these do not make an estimate better.
const ENOUGH: f64 = 1_000.0;

/// What one worker process reports.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkerReport {
    /// The name of the process. A new process with the same name continues its history.
    pub worker: String,
    /// How many orders it works on at once.
    pub concurrency: u32,
    /// How many orders it finished in the 3 s before `reported_at`.
    pub finished_3s: u32,
    /// Its service times.
    pub history: History,
    /// Whose orders it works on.
    #[serde(default, skip_serializing_if = "StartedTenants::is_empty")]
    pub tenants: StartedTenants,
    /// What it reports for operators; of an older version nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub figures: Option<WorkerFigures>,
    /// When it wrote the report.
    pub reported_at: DateTime<Utc>,
}

/// All workers together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fleet {
    /// How many orders they work on at once; 0 if no worker has ever reported.
    pub concurrency: f64,
    /// How many orders they finished in the last 3 s.
    pub finished_3s: f64,
    /// The service times of all.
    pub history: History,
    /// Whose orders they work on.
    pub tenants: TenantStarts,
    /// Whether any worker is running.
    pub alive: bool,
}

impl Fleet {
    /// Merges the reports at `now`.
    ///
    /// A report older than [`REPORT_TTL`] counts only for its history, and only until the running
    /// workers have enough history of their own: a new release may be faster than the workers that
    /// it replaced.
    ///
    /// If no worker is running, `concurrency` is that of the last ones that were. Someone will
    /// start workers again, and an estimate of "never" would make clients poll far too late.
    #[must_use]
    pub fn merge<'a>(reports: impl IntoIterator<Item = &'a WorkerReport>, now: DateTime<Utc>) -> Self {
        let reports: Vec<&WorkerReport> = reports.into_iter().collect();
        let Some(last) = reports.iter().map(|r| r.reported_at).max() else { return Self::default() };
        let alive = now - last <= REPORT_TTL;
        let since = if alive { now } else { last } - REPORT_TTL;
        let mut fleet = Self { alive, ..Self::default() };
        let mut stopped = History::default();
        for report in reports {
            if report.reported_at >= since {
                fleet.history = fleet.history.merge(&report.history);
                fleet.concurrency += f64::from(report.concurrency);
                if alive {
                    fleet.finished_3s += f64::from(report.finished_3s);
                    fleet.tenants.add(&report.tenants, report.reported_at);
                }
            } else {
                stopped = stopped.merge(&report.history);
            }
        }
        let room = (ENOUGH - fleet.history.count()).max(0.0);
        if room > 0.0 && stopped.count() > 0.0 {
            fleet.history = fleet.history.merge(&stopped.at_share((room / stopped.count()).min(1.0)));
        }
        fleet
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(worker: &str, reported_at: i64) -> WorkerReport {
        let reported_at = at(reported_at);
        let mut history = History::default();
        history.record(10.0, 1, reported_at);
        WorkerReport {
            worker: worker.to_owned(),
            concurrency: 4,
            finished_3s: 2,
            history,
            tenants: StartedTenants::default(),
            figures: None,
            reported_at,
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_stopped_worker_counts_for_its_history_only() {
        let fleet = Fleet::merge(&[report("a", 100), report("b", 98), report("c", 50)], at(101));
        assert!((fleet.concurrency - 8.0).abs() < 1e-9 && (fleet.finished_3s - 4.0).abs() < 1e-9);
        assert!((fleet.history.count() - 3.0).abs() < 0.01);
        assert!(fleet.alive);
    }

    #[test]
    fn a_stopped_pool_is_expected_to_return_as_it_was() {
        let fleet = Fleet::merge(&[report("a", 100), report("b", 98), report("c", 50)], at(500));
        assert!((fleet.concurrency - 8.0).abs() < 1e-9 && fleet.finished_3s < 1e-9 && !fleet.alive);
    }

    #[test]
    fn a_faster_release_outweighs_the_workers_that_it_replaced() {
        let worker = |name: &str, from: i64, mean: f64, orders: i64| {
            let mut report = report(name, from + orders);
            report.history = History::default();
            for second in 0..orders {
                report.history.record(mean, 1, at(from + second));
            }
            report
        };
        let old = [worker("a", 0, 30.0, 2_000), worker("b", 0, 30.0, 2_000)];
        for seconds in [150, 300] {
            let reports = [old[0].clone(), old[1].clone(), worker("c", 2_100, 10.0, seconds)];
            let fleet = Fleet::merge(&reports, at(2_100 + seconds));
            let mean = fleet.history.summary().mean;
            assert!((mean - 10.0).abs() < 1.5, "after {seconds} s: {mean}");
        }
    }

    #[test]
    fn without_workers_nothing_is_known() {
        assert_eq!(Fleet::merge(&[], at(0)), Fleet::default());
    }
}
