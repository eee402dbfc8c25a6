//! Permits that are kept free for tenants that use less than their share.
//!
//! A fair queue gives a quiet tenant's message first, but to nobody while every permit is in use.
//! So a worker keeps some permits free: the other lanes may use one only if more are free. It is
//! trunk reservation, as of telephone networks: when a quiet tenant's order has taken a kept
//! permit, the next one that becomes free takes its place. With as many that only the quiet lane
//! may *use*, its orders would wait for each other.

use super::Lane;

/// One in so many permits is kept free.
const KEPT_ONE_IN: usize = 8;
/// A worker with fewer permits keeps none: it would lose too much.
const KEEPS_FROM: usize = 4;

/// The permits that a worker keeps free: an eighth, and at least one of four.
#[must_use]
pub fn kept(permits: usize) -> usize {
    if permits < KEEPS_FROM { 0 } else { (permits / KEPT_ONE_IN).max(1) }
}

/// What the permits of a worker are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permits {
    /// All of them.
    pub all: usize,
    /// Those that are free.
    pub free: usize,
    /// So many of these only the quiet lane may use.
    pub kept: usize,
    /// In use for orders of the quiet lane.
    pub quiet: usize,
}

impl Permits {
    /// How many a lane may use.
    ///
    /// The quiet lane is kept free for until it uses half of the permits itself. Beyond that all
    /// lanes go by their weights, so that it starves nobody, whatever is sent by it.
    #[must_use]
    pub fn usable(self, lane: Lane) -> usize {
        if lane == Lane::Quiet || self.quiet * 2 >= self.all { self.free } else { self.free.saturating_sub(self.kept) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eighth_is_kept_and_at_least_one_of_four() {
        let permits = [0, 1, 3, 4, 10, 16, 32, 100];
        assert_eq!(permits.map(kept), [0, 0, 0, 1, 1, 2, 4, 12]);
    }

    #[test]
    fn kept_permits_are_for_the_quiet_lane_until_it_has_half_of_all() {
        let permits = Permits { all: 16, free: 3, kept: 2, quiet: 0 };
        assert_eq!((permits.usable(Lane::Quiet), permits.usable(Lane::High), permits.usable(Lane::Low)), (3, 1, 1));
        let used = Permits { free: 2, quiet: 7, ..permits };
        assert_eq!((used.usable(Lane::Quiet), used.usable(Lane::Normal)), (2, 0), "one that is used is replaced");
        let half = Permits { free: 2, quiet: 8, ..permits };
        assert_eq!((half.usable(Lane::Quiet), half.usable(Lane::Normal)), (2, 2));
    }
}
