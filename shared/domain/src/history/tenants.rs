//! Whose orders the workers start: by it the api estimates for the tenant, and not for the queue.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{lane::Usage, tenant::Tenant, time::rfc3339_millis};

/// A worker reports so many tenants at most: 2 KB.
const REPORTED_MAX: usize = 16;

/// A start is reported for so long after the order has ended. Longer than a report counts.
const REMEMBERED: TimeDelta = TimeDelta::seconds(30);

/// An order starts within this time of its post where nothing of its tenant waits.
const PROMPT: TimeDelta = TimeDelta::seconds(3);

/// The tenants whose orders one worker works on, or has lately.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StartedTenants {
    tenants: BTreeMap<Tenant, Started>,
    /// Whether there were more of them than are reported.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    cut: bool,
}

/// What a worker has started of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Started {
    /// Orders that it works on now.
    running: u32,
    /// When the latest one started.
    #[serde(with = "rfc3339_millis")]
    at: DateTime<Utc>,
    /// How many milliseconds that one had waited.
    waited_ms: i64,
}

impl StartedTenants {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tenants.is_empty()
    }

    /// An order starts that could have been started since `due`; `None` for one that is tried
    /// again, which says nothing of what waits.
    pub fn start(&mut self, tenant: &Tenant, due: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let first = Started { running: 0, at: now, waited_ms: 0 };
        let started = self.tenants.entry(tenant.clone()).or_insert(first);
        started.running = started.running.saturating_add(1);
        if let Some(due) = due {
            (started.at, started.waited_ms) = (now, (now - due).num_milliseconds().max(0));
        }
    }

    /// An order that was started is not worked on any more.
    pub fn stop(&mut self, tenant: &Tenant) {
        if let Some(started) = self.tenants.get_mut(tenant) {
            started.running = started.running.saturating_sub(1);
        }
    }

    /// What is reported at `now`: those with the most orders, and of those with as many the latest.
    #[must_use]
    pub fn report(&mut self, now: DateTime<Utc>) -> Self {
        self.tenants.retain(|_, started| started.running > 0 || now - started.at <= REMEMBERED);
        let mut tenants: Vec<_> = self.tenants.iter().map(|(tenant, started)| (tenant.clone(), *started)).collect();
        tenants.sort_by_key(|(_, started)| std::cmp::Reverse((started.running, started.at)));
        let cut = tenants.len() > REPORTED_MAX;
        Self { tenants: tenants.into_iter().take(REPORTED_MAX).collect(), cut }
    }
}

/// What the workers together have started of each tenant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TenantStarts {
    started: StartedTenants,
    /// The oldest report.
    since: Option<DateTime<Utc>>,
}

impl TenantStarts {
    /// Adds a worker's report.
    pub(super) fn add(&mut self, report: &StartedTenants, reported_at: DateTime<Utc>) {
        self.since = Some(self.since.map_or(reported_at, |since| since.min(reported_at)));
        self.started.cut |= report.cut;
        for (tenant, one) in &report.tenants {
            let all = self.started.tenants.entry(tenant.clone()).or_insert(Started { running: 0, ..*one });
            let latest = if one.at > all.at { *one } else { *all };
            *all = Started { running: all.running.saturating_add(one.running), ..latest };
        }
    }

    /// How much of the workers a tenant uses beside others, where an order takes `s` seconds and
    /// what it has posted lately takes so many permits.
    #[must_use]
    pub fn usage(&self, tenant: &Tenant, posted: f64, s: f64) -> Usage {
        let (mut running, mut others, mut others_wait) = (0.0, 0.0, false);
        for (of, started) in self.started.tenants.iter().filter(|(_, started)| started.running > 0) {
            if of == tenant {
                running = f64::from(started.running);
            } else {
                others += 1.0;
                others_wait |= started.waiting(s) >= 1.0;
            }
        }
        Usage { running, posted, others, others_wait }
    }

    /// What is known of a tenant, where an order takes `s` seconds. `None` where the whole queue is
    /// what counts: there is no other tenant, this one has the most orders waiting, or it may be
    /// one of those that do not fit into a report.
    #[must_use]
    pub fn of(&self, tenant: &Tenant, s: f64) -> Option<TenantStart> {
        let mut others = 0_u32;
        let (mut waiting, mut most): (u32, f64) = (0, 0.0);
        for (_, started) in
            self.started.tenants.iter().filter(|(other, started)| *other != tenant && started.running > 0)
        {
            others += 1;
            waiting += u32::from(started.waiting(s) >= 1.0);
            most = most.max(started.waiting(s));
        }
        if others == 0 {
            return None;
        }
        // Whose orders wait is known late; that others are worked on is known at once.
        let others = f64::from(waiting.max(1));
        match self.started.tenants.get(tenant) {
            // A fair queue serves as many of each other tenant meanwhile: all that they have.
            Some(started) if started.waiting(s) > most => None,
            Some(started) => {
                let posted_at = started.at - TimeDelta::milliseconds(started.waited_ms);
                Some(TenantStart { posted_at, at: started.at, waiting: started.waiting(s), others })
            }
            None if self.started.cut => None,
            // What it posted before the reports has been started and has ended.
            None => self.since.map(|since| TenantStart { posted_at: since - PROMPT, at: since, waiting: 0.0, others }),
        }
    }
}

/// A tenant's latest start, as the workers report it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TenantStart {
    /// When the order that started was posted, or could first have been started.
    pub posted_at: DateTime<Utc>,
    /// When it started.
    pub at: DateTime<Utc>,
    /// Orders that wait behind it, by the pace of the starts.
    pub waiting: f64,
    /// Other tenants that have orders waiting.
    pub others: f64,
}

impl Started {
    /// The orders that wait behind those that run, by Little's law: as many start in a second as
    /// fit into the workers that the tenant has, and each waits as long as the latest.
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of an order's wait")]
    fn waiting(&self, s: f64) -> f64 {
        f64::from(self.running) / s.max(1e-3) * self.waited_ms as f64 / 1e3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn tenant(name: &str) -> Tenant {
        name.parse().unwrap()
    }

    fn reported(started: &mut StartedTenants, now: i64) -> TenantStarts {
        let mut all = TenantStarts::default();
        let json = serde_json::to_string(&started.report(at(now))).unwrap();
        all.add(&serde_json::from_str(&json).unwrap(), at(now));
        all
    }

    #[test]
    fn a_tenant_is_known_by_its_latest_start_and_a_silent_one_by_the_report() {
        let mut started = StartedTenants::default();
        started.start(&tenant("busy"), Some(at(0)), at(90));
        started.start(&tenant("busy"), Some(at(10)), at(100));
        assert_eq!(reported(&mut started, 101).of(&tenant("busy"), 10.0), None, "it is alone");
        started.start(&tenant("busy"), None, at(101));
        started.start(&tenant("quiet"), Some(at(100)), at(101));
        let all = reported(&mut started, 102);
        assert_eq!(all.of(&tenant("busy"), 10.0), None, "it has the most waiting");
        let quiet = all.of(&tenant("quiet"), 10.0).unwrap();
        assert_eq!((quiet.posted_at, quiet.at, quiet.others), (at(100), at(101), 1.0));
        assert!((quiet.waiting - 0.1).abs() < 1e-9, "one at once, which had waited 1 s");
        assert_eq!(all.of(&tenant("silent"), 10.0).unwrap().at, at(102));
        let usage = Usage { running: 1.0, posted: 3.0, others: 1.0, others_wait: true };
        assert_eq!(all.usage(&tenant("quiet"), 3.0, 10.0), usage);
        assert!(!all.usage(&tenant("busy"), 0.0, 10.0).others_wait, "nobody else has a backlog");
    }

    #[test]
    fn tenants_that_do_not_fit_into_a_report_are_not_taken_for_quiet_ones() {
        let mut started = StartedTenants::default();
        for n in 0..=REPORTED_MAX {
            started.start(&tenant(&format!("t{n}")), Some(at(0)), at(0));
        }
        assert_eq!(reported(&mut started, 1).of(&tenant("other"), 1.0), None);
        for n in 0..=REPORTED_MAX {
            started.stop(&tenant(&format!("t{n}")));
        }
        assert!(started.report(at(60)).is_empty(), "they are forgotten");
    }
}
