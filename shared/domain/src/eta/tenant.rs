//! The estimate for one tenant of a fair queue.
//!
//! SQS does not count messages by tenant. But a tenant's messages come in their order: when one
//! that was posted at `t` starts, nothing that the tenant posted before `t` waits any more. So the
//! api knows what a tenant has waiting from what it has posted itself, and from what the workers
//! report of the tenant's latest start. No call is made for it.

use chrono::{DateTime, Utc};

use super::QueueState;
use crate::history::TenantStart;

/// What is known of a tenant's orders, without the one that is estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TenantQueue {
    /// Orders that it posted after the one that started last.
    pub posted: f64,
    /// Seconds since that start.
    pub since_start: f64,
    /// Other tenants that have orders waiting.
    pub others: f64,
}

impl TenantQueue {
    /// By what the workers report at `now`, and `posted`, the orders that this process has accepted
    /// since `start.posted_at`. Other processes accept orders too, and this one may have restarted:
    /// then the pace of the starts knows better.
    #[must_use]
    pub fn new(start: &TenantStart, posted: f64, now: DateTime<Utc>) -> Self {
        let since_start = (now - start.at).as_seconds_f64();
        Self { posted: posted.max(start.waiting), since_start, others: start.others }
    }

    /// The orders that start before a new one of this tenant, with `c` at once of `s` seconds each.
    ///
    /// A fair queue serves `k` tenants in turn. While `b` orders of one start, no more than `b` of
    /// each other do: `k*b` in all. Since the latest start that is known, its share of the workers
    /// has taken `c/(k*s)` a second.
    fn ahead(&self, c: f64, s: f64) -> f64 {
        let tenants = 1.0 + self.others.max(0.0);
        let started = c / (tenants * s) * self.since_start.max(0.0);
        tenants * (self.posted - started).max(0.0)
    }
}

impl QueueState {
    /// The queue as a tenant meets it; the whole queue, if it has to wait for all of that.
    #[must_use]
    pub fn of_tenant(self, tenant: &TenantQueue, concurrency: f64, mean_seconds: f64) -> Self {
        let ahead = tenant.ahead(concurrency.max(1.0), mean_seconds.max(1e-3));
        if ahead >= self.visible + self.accepted_3s {
            return self;
        }
        // While any order waits, every worker has one.
        let working = if self.visible > 0.0 { concurrency } else { self.in_flight };
        Self { exact_visible: Some(ahead), exact_in_flight: Some(working), ..self }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::eta::{ServiceTimes, estimate};

    const BACKLOG: QueueState = QueueState {
        visible: 100_000.0,
        in_flight: 20.0,
        accepted_3s: 40.0,
        finished_3s: 6.0,
        under_way: 0.0,
        unfinished: 0.0,
        exact_visible: None,
        exact_in_flight: None,
    };

    fn p50(tenant: TenantQueue) -> f64 {
        estimate(&BACKLOG.of_tenant(&tenant, 20.0, 10.0), &ServiceTimes::configured(10.0), 20.0).p50
    }

    #[test]
    fn a_quiet_tenant_waits_for_a_worker_and_not_for_the_backlog() {
        let quiet = p50(TenantQueue { posted: 0.0, since_start: 30.0, others: 1.0 });
        assert!(quiet < 10.0, "{quiet}");
        // Four of its own, one of the other's between each two, two started a second.
        let some = p50(TenantQueue { posted: 24.0, since_start: 20.0, others: 1.0 });
        assert!((some - quiet - 8.0 * 10.0 / 20.0).abs() < 1.0, "{some}");
    }

    #[test]
    fn a_tenant_with_the_backlog_has_the_estimate_of_the_queue() {
        let busy = TenantQueue { posted: 99_000.0, since_start: 2.0, others: 1.0 };
        assert_eq!(BACKLOG.of_tenant(&busy, 20.0, 10.0), BACKLOG);
    }

    proptest! {
        #[test]
        fn a_tenant_never_waits_longer_than_for_the_whole_queue(
            posted in 0.0f64..1e6, since_start in -1.0f64..1e4, others in 0.0f64..100.0,
            visible in 0.0f64..1e6, in_flight in 0.0f64..1e3, c in 0.0f64..1e3, s in 0.0f64..1e3,
        ) {
            let queue = QueueState { visible, in_flight, ..QueueState::default() };
            let of = queue.of_tenant(&TenantQueue { posted, since_start, others }, c, s);
            let waiting = of.exact_visible.unwrap_or(visible);
            prop_assert!(waiting >= 0.0 && waiting <= visible);
        }
    }
}
