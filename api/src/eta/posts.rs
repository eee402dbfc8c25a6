//! How many orders each tenant has posted to this process, and when: by it the estimator knows what
//! a tenant has waiting.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use offload_domain::tenant::Tenant;
use parking_lot::Mutex;

/// Tenants that are remembered at most.
const TENANTS_MAX: usize = 10_000;

/// A tenant that has posted nothing for this long is forgotten when there are too many. It has
/// nothing waiting, or the workers' reports say so.
const IDLE: Duration = Duration::from_secs(60);

/// Counts of one tenant at most. When there are more, each two become one.
const COUNTS_MAX: usize = 64;

/// The posts of all tenants, as this process knows them.
#[derive(Debug)]
pub(super) struct Posts {
    start: Instant,
    tenants: Mutex<HashMap<Tenant, Counts>>,
}

/// The posts of one tenant, the oldest first.
#[derive(Debug, Default, PartialEq)]
struct Counts(VecDeque<Count>);

/// Posts from one time to another, since the process started.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Count {
    from: Duration,
    to: Duration,
    posts: u32,
}

impl Default for Posts {
    fn default() -> Self {
        Self { start: Instant::now(), tenants: Mutex::default() }
    }
}

impl Posts {
    /// Counts an order. One that is not accepted after all is counted too: there are few.
    pub(super) fn count(&self, tenant: &Tenant) {
        let now = self.start.elapsed();
        let mut tenants = self.tenants.lock();
        if tenants.len() >= TENANTS_MAX && !tenants.contains_key(tenant) {
            tenants.retain(|_, counts| counts.0.back().is_some_and(|last| now.saturating_sub(last.to) < IDLE));
            if tenants.len() >= TENANTS_MAX {
                return;
            }
        }
        tenants.entry(tenant.clone()).or_default().add(now);
    }

    /// The orders that a tenant has posted in the time before now.
    pub(super) fn since(&self, tenant: &Tenant, ago: Duration) -> f64 {
        let from = self.start.elapsed().saturating_sub(ago);
        self.tenants.lock().get(tenant).map_or(0.0, |counts| counts.since(from))
    }
}

impl Counts {
    /// Counts an order. Of two that come at once the later one may be counted first.
    fn add(&mut self, now: Duration) {
        let now = self.0.back().map_or(now, |last| now.max(last.to));
        match self.0.back_mut() {
            Some(last) if now.saturating_sub(last.from) < Duration::from_millis(500) => {
                (last.to, last.posts) = (now, last.posts.saturating_add(1));
            }
            _ => self.0.push_back(Count { from: now, to: now, posts: 1 }),
        }
        if self.0.len() > COUNTS_MAX {
            let all: Vec<Count> = self.0.drain(..).collect();
            let both = |two: &[Count]| Count {
                from: two.first().map_or(now, |c| c.from),
                to: two.last().map_or(now, |c| c.to),
                posts: two.iter().fold(0, |sum, c| sum.saturating_add(c.posts)),
            };
            self.0 = all.chunks(2).map(both).collect();
        }
    }

    fn since(&self, from: Duration) -> f64 {
        let after = |count: &Count| {
            if count.to <= from {
                return 0.0;
            }
            let whole = count.to.saturating_sub(count.from).as_secs_f64();
            let part = count.to.saturating_sub(from).as_secs_f64();
            f64::from(count.posts) * if part < whole { part / whole } else { 1.0 }
        };
        self.0.iter().map(after).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_time_is_counted_in_few_numbers() {
        let mut counts = Counts::default();
        for second in 0..10_000 {
            counts.add(Duration::from_secs(second));
        }
        assert!(counts.0.len() <= COUNTS_MAX);
        for ago in [20.0, 600.0, 9_000.0] {
            let found = counts.since(Duration::from_secs_f64(9_999.0 - ago));
            assert!((found - ago).abs() < 0.05 * ago + 2.0, "{ago}: {found}");
        }
        assert!((counts.since(Duration::ZERO) - 10_000.0).abs() < 1.5);
    }

    #[test]
    fn two_posts_may_be_counted_in_the_other_order_of_their_times() {
        let mut counts = Counts::default();
        for millisecond in [7, 5, 600, 3, 601] {
            counts.add(Duration::from_millis(millisecond));
        }
        assert!((counts.since(Duration::ZERO) - 5.0).abs() < 1e-9);
        assert!((counts.since(Duration::from_millis(100)) - 3.0).abs() < 1e-9);
    }

    #[test]
    fn tenants_are_counted_apart_and_no_more_than_fit() {
        let posts = Posts::default();
        for n in 0..TENANTS_MAX + 10 {
            posts.count(&format!("t{n}").parse().unwrap());
        }
        assert_eq!(posts.tenants.lock().len(), TENANTS_MAX);
        let first = "t0".parse().unwrap();
        posts.count(&first);
        assert!((posts.since(&first, Duration::from_secs(60)) - 2.0).abs() < 1e-9);
    }
}
