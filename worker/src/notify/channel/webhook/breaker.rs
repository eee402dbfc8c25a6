//! A circuit breaker for one endpoint: an endpoint that does not answer is left alone for a while,
//! and its events wait without using a permit. Pure: the caller passes the time.

use std::time::Duration;

use super::super::super::deferral::{LONGEST_WAIT, deferral};

/// This many failures in a row open the circuit.
const OPENS_AFTER: u32 = 5;
/// How long it stays open at first; twice as long after each probe that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(900);
/// Deliveries to one endpoint at once: an endpoint that hangs must not take every permit.
const RUNNING_MAX: u32 = 8;

/// What is known of an endpoint. Times are since any fixed moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Breaker {
    failures: u32,
    running: u32,
    /// Until when nothing is sent; then one delivery probes.
    open_until: Option<Duration>,
    pause: Duration,
    /// Deliveries that were deferred since one succeeded.
    deferred: u32,
}

/// Whether a delivery may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// Now. The caller reports its end by [`Breaker::ended`].
    Go,
    /// After this wait: the circuit is open.
    Open(Duration),
    /// After this wait: enough are running.
    Busy(Duration),
}

impl Breaker {
    /// Asks to deliver at `now`.
    pub(super) fn admit(&mut self, now: Duration) -> Admission {
        if let Some(until) = self.open_until {
            let left = until.saturating_sub(now);
            if !left.is_zero() {
                return Admission::Open(left);
            }
            if self.running > 0 {
                return Admission::Open(FIRST_PAUSE);
            }
        } else if self.running >= RUNNING_MAX {
            let wait = deferral(self.deferred, LONGEST_WAIT);
            self.deferred = self.deferred.saturating_add(1);
            return Admission::Busy(wait);
        }
        self.running += 1;
        Admission::Go
    }

    /// An admitted delivery has ended at `now`; `healthy` if the endpoint works.
    pub(super) fn ended(&mut self, now: Duration, healthy: bool) {
        self.running = self.running.saturating_sub(1);
        if healthy {
            *self = Self { running: self.running, ..Self::default() };
            return;
        }
        self.failures = self.failures.saturating_add(1);
        let probe_failed = self.open_until.is_some_and(|until| now >= until);
        if probe_failed {
            self.pause = (self.pause * 2).min(LONGEST_PAUSE);
            self.open_until = Some(now + self.pause);
        } else if self.failures >= OPENS_AFTER && self.open_until.is_none() {
            self.pause = FIRST_PAUSE;
            self.open_until = Some(now + self.pause);
        }
    }

    /// How long the circuit stays open; `None` if it is closed. Zero while a delivery may probe.
    pub(super) fn open_for(&self, now: Duration) -> Option<Duration> {
        self.open_until.map(|until| until.saturating_sub(now))
    }

    /// Whether nothing is known of the endpoint.
    pub(super) fn is_idle(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn an_endpoint_that_fails_is_left_alone_and_probed() {
        let mut b = Breaker::default();
        for _ in 0..5 {
            assert_eq!(b.admit(s(0)), Admission::Go);
            b.ended(s(0), false);
        }
        assert_eq!(b.admit(s(10)), Admission::Open(s(20)));
        assert_eq!((b.open_for(s(10)), b.open_for(s(30))), (Some(s(20)), Some(s(0))));
        assert_eq!(b.admit(s(30)), Admission::Go, "a probe");
        assert!(matches!(b.admit(s(30)), Admission::Open(_)), "one at a time");
        b.ended(s(31), false);
        assert_eq!(b.admit(s(31)), Admission::Open(s(60)), "twice as long");
        assert_eq!(b.admit(s(91)), Admission::Go);
        b.ended(s(92), true);
        assert!(b.is_idle() && b.open_for(s(92)).is_none());
        assert_eq!(b.admit(s(92)), Admission::Go);
    }

    #[test]
    fn one_success_closes_the_circuit() {
        let mut b = Breaker::default();
        for _ in 0..100 {
            for healthy in [false, false, false, false, true] {
                assert_eq!(b.admit(s(0)), Admission::Go);
                b.ended(s(0), healthy);
            }
        }
    }

    #[test]
    fn deferred_deliveries_do_not_all_come_back_at_once() {
        let mut b = Breaker::default();
        let mut deferral = || match b.admit(s(0)) {
            Admission::Busy(wait) => Some(wait),
            _ => None,
        };
        let waits: Vec<Duration> = (0..10_000).filter_map(|_| deferral()).collect();
        assert_eq!((waits[0], waits[9_000]), (s(1), s(109)));
        assert!(waits.iter().filter(|w| **w < s(10)).count() < 1_000);
        b.ended(s(0), true);
        assert_eq!(b.admit(s(0)), Admission::Go);
        assert_eq!(b.admit(s(0)), Admission::Busy(s(1)), "an endpoint that works is not kept waiting");
    }

    #[test]
    fn an_endpoint_that_hangs_takes_a_few_permits_only() {
        let mut b = Breaker::default();
        let admitted = (0..100).filter(|_| b.admit(s(0)) == Admission::Go).count();
        assert_eq!(admitted, 8);
        assert!(matches!(b.admit(s(0)), Admission::Busy(_)));
        for _ in 0..8 {
            b.ended(s(10), false);
        }
        assert_eq!(b.admit(s(10)), Admission::Open(s(30)), "and then it is left alone");
    }
}
