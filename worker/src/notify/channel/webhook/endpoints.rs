//! The endpoints that webhooks go to, with a circuit breaker for each.

use std::{
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use lru::LruCache;
use parking_lot::Mutex;

use super::breaker::{Admission, Breaker};

/// Endpoints that are remembered. Beyond that, the one that was used least recently is forgotten.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");

pub(super) struct Endpoints {
    since: Instant,
    breakers: Mutex<LruCache<String, Breaker>>,
}

impl Endpoints {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), breakers: Mutex::new(LruCache::sparse(REMEMBERED_MAX)) }
    }

    /// Asks to deliver to an endpoint now.
    pub(super) fn admit(&self, endpoint: &str) -> Admission {
        self.admit_at(endpoint, self.since.elapsed())
    }

    /// An admitted delivery has ended; `healthy` if the endpoint works.
    pub(super) fn ended(&self, endpoint: &str, healthy: bool) {
        self.ended_at(endpoint, healthy, self.since.elapsed());
    }

    fn admit_at(&self, endpoint: &str, now: Duration) -> Admission {
        let mut breakers = self.breakers.lock();
        breakers.get_or_insert_mut_ref(endpoint, Breaker::default).admit(now)
    }

    fn ended_at(&self, endpoint: &str, healthy: bool, now: Duration) {
        let mut breakers = self.breakers.lock();
        let Some(breaker) = breakers.get_mut(endpoint) else { return };
        breaker.ended(now, healthy);
        if breaker.is_idle() {
            breakers.pop(endpoint);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open_circuit(endpoints: &Endpoints, endpoint: &str) {
        for _ in 0..5 {
            assert_eq!(endpoints.admit_at(endpoint, Duration::ZERO), Admission::Go);
            endpoints.ended_at(endpoint, false, Duration::ZERO);
        }
    }

    #[test]
    fn one_endpoint_too_many_closes_no_circuit_but_the_oldest() {
        let endpoints = Endpoints::new();
        let host = |n: usize| format!("https://{n}.example");
        for n in 0..=REMEMBERED_MAX.get() {
            open_circuit(&endpoints, &host(n));
        }
        let is_open = |n: &usize| matches!(endpoints.admit_at(&host(*n), Duration::ZERO), Admission::Open(_));
        // The newest first: to ask for one that is forgotten would forget another.
        let open = (0..=REMEMBERED_MAX.get()).rev().filter(is_open).count();
        assert_eq!(open, REMEMBERED_MAX.get());
    }

    #[test]
    fn an_endpoint_that_works_is_not_remembered() {
        let endpoints = Endpoints::new();
        assert_eq!(endpoints.admit_at("https://a.example", Duration::ZERO), Admission::Go);
        endpoints.ended_at("https://a.example", true, Duration::ZERO);
        assert!(endpoints.breakers.lock().is_empty());
    }
}
