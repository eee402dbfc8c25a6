//! A circuit breaker for one endpoint: whoever does not answer is left in peace for a while, and its events wait without
//! keeping anybody busy. Pure: the caller brings the time.

use std::time::Duration;

/// So many failures in a row open the circuit.
const OPENS_AFTER: u32 = 5;
/// How long it stays open at first; twice as long after each probe that fails.
const FIRST_PAUSE: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(900);
/// Deliveries to one endpoint at once: an endpoint that hangs must not take every hand.
const AT_ONCE: u32 = 8;
/// What is turned away comes again after so long at least.
const SHORTEST_TURN: Duration = Duration::from_secs(1);
/// And so much later for each that was turned away since the endpoint last took something: thousands that all came again
/// every second would keep every hand as busy as an endpoint that hangs.
const TURN_EACH: Duration = Duration::from_millis(12);
const LONGEST_TURN: Duration = FIRST_PAUSE;

/// What is known of an endpoint. Times are since any fixed moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Breaker {
    failures: u32,
    running: u32,
    /// Until when nothing is sent; then one delivery probes.
    open_until: Option<Duration>,
    pause: Duration,
    /// How many were turned away since something went well.
    turned_away: u32,
}

/// Whether a delivery may be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Now. The caller tells how it went by [`Breaker::ended`].
    Go,
    /// Not before so long from now: the endpoint is left in peace.
    Open(Duration),
    /// So long from now: enough are under way.
    Busy(Duration),
}

impl Breaker {
    /// Asks to deliver at `now`.
    pub fn admit(&mut self, now: Duration) -> Admission {
        if let Some(until) = self.open_until {
            if now < until {
                return Admission::Open(until - now);
            }
            if self.running > 0 {
                return Admission::Open(FIRST_PAUSE);
            }
        } else if self.running >= AT_ONCE {
            let wait = (SHORTEST_TURN + TURN_EACH * self.turned_away).min(LONGEST_TURN);
            self.turned_away = self.turned_away.saturating_add(1);
            return Admission::Busy(wait);
        }
        self.running += 1;
        Admission::Go
    }

    /// Tells that an admitted delivery has ended at `now`: whether the endpoint answered as one that works.
    pub fn ended(&mut self, now: Duration, well: bool) {
        self.running = self.running.saturating_sub(1);
        if well {
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

    /// Whether there is anything worth remembering.
    #[must_use]
    pub fn is_idle(&self) -> bool {
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
    fn an_endpoint_that_fails_is_left_in_peace_and_probed() {
        let mut b = Breaker::default();
        for _ in 0..5 {
            assert_eq!(b.admit(s(0)), Admission::Go);
            b.ended(s(0), false);
        }
        assert_eq!(b.admit(s(10)), Admission::Open(s(20)));
        assert_eq!(b.admit(s(30)), Admission::Go, "a probe");
        assert!(matches!(b.admit(s(30)), Admission::Open(_)), "one at a time");
        b.ended(s(31), false);
        assert_eq!(b.admit(s(31)), Admission::Open(s(60)), "twice as long");
        assert_eq!(b.admit(s(91)), Admission::Go);
        b.ended(s(92), true);
        assert!(b.is_idle());
        assert_eq!(b.admit(s(92)), Admission::Go);
    }

    #[test]
    fn one_success_forgives() {
        let mut b = Breaker::default();
        for _ in 0..100 {
            for well in [false, false, false, false, true] {
                assert_eq!(b.admit(s(0)), Admission::Go);
                b.ended(s(0), well);
            }
        }
    }

    #[test]
    fn what_waits_for_an_endpoint_that_hangs_does_not_all_come_again_at_once() {
        let mut b = Breaker::default();
        let mut turned_away = || match b.admit(s(0)) {
            Admission::Busy(wait) => Some(wait),
            _ => None,
        };
        let waits: Vec<Duration> = (0..10_000).filter_map(|_| turned_away()).collect();
        assert_eq!((waits[0], waits[9_000]), (s(1), s(30)));
        assert!(waits.iter().filter(|w| **w < s(10)).count() < 1_000);
        b.ended(s(0), true);
        assert_eq!(b.admit(s(0)), Admission::Go);
        assert_eq!(b.admit(s(0)), Admission::Busy(s(1)), "one that takes what it gets is not kept waiting");
    }

    #[test]
    fn an_endpoint_that_hangs_takes_a_few_hands_only() {
        let mut b = Breaker::default();
        let admitted = (0..100).filter(|_| b.admit(s(0)) == Admission::Go).count();
        assert_eq!(admitted, 8);
        assert!(matches!(b.admit(s(0)), Admission::Busy(_)));
        for _ in 0..8 {
            b.ended(s(10), false);
        }
        assert_eq!(b.admit(s(10)), Admission::Open(s(30)), "and then it is left in peace");
    }
}
