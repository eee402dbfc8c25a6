//! Whether an order goes by the quiet lane.

/// What an api knows of how much of the workers a tenant uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usage {
    /// Its orders that are worked on, as the workers report.
    pub running: f64,
    /// Permits that what it has posted lately takes, the new order among it: orders a second, times
    /// the seconds that one takes.
    pub posted: f64,
    /// Other tenants whose orders are worked on.
    pub others: f64,
    /// Whether any of these has more waiting.
    pub others_wait: bool,
}

impl Usage {
    /// Whether the tenant uses no more than its share of `concurrency` while others have a backlog.
    ///
    /// The share is that of each tenant if all were to use theirs, so what all quiet tenants send
    /// by this lane is what they are entitled to. A tenant gains nothing by posting to many api
    /// servers, each of which knows of its own posts alone: what the workers work on is known to
    /// all. While nobody else waits there is no need to be kept free for.
    #[must_use]
    pub fn is_quiet(&self, concurrency: f64) -> bool {
        let share = concurrency / (1.0 + self.others.max(0.0));
        self.others_wait && self.running.max(self.posted) <= share
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const QUIET: Usage = Usage { running: 1.0, posted: 1.5, others: 1.0, others_wait: true };

    #[test]
    fn a_tenant_below_its_share_is_quiet_while_others_wait() {
        assert!(QUIET.is_quiet(20.0));
        assert!(!Usage { others_wait: false, ..QUIET }.is_quiet(20.0));
        assert!(!Usage { posted: 10.5, ..QUIET }.is_quiet(20.0), "it posts more than its share");
        assert!(!Usage { running: 10.5, ..QUIET }.is_quiet(20.0), "by other servers, too");
        assert!(!Usage { others: 19.0, ..QUIET }.is_quiet(20.0));
    }

    proptest! {
        #[test]
        fn quiet_tenants_together_use_no_more_than_there_is(
            used in prop::collection::vec(0.0f64..50.0, 2..20), concurrency in 1.0f64..100.0,
        ) {
            let others = (used.len() - 1) as f64;
            let quiet = |running: &&f64| Usage { running: **running, posted: 0.0, others, others_wait: true }.is_quiet(concurrency);
            prop_assert!(used.iter().filter(quiet).sum::<f64>() <= concurrency + 1e-6);
        }
    }
}
