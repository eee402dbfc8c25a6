//! What is known of the endpoints that deliveries go to: a circuit breaker for each.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use offload_domain::webhook::{Admission, Breaker};

/// Endpoints that are remembered. Beyond that, those that nothing is wrong with are forgotten first.
const REMEMBERED_MAX: usize = 10_000;

pub(super) struct Endpoints {
    since: Instant,
    known: Mutex<HashMap<String, Breaker>>,
}

impl Endpoints {
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), known: Mutex::default() }
    }

    pub(super) fn admit(&self, endpoint: &str) -> Admission {
        let now = self.since.elapsed();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED_MAX && !known.contains_key(endpoint) {
            known.retain(|_, breaker| !breaker.is_idle());
            if known.len() >= REMEMBERED_MAX {
                known.clear();
            }
        }
        known.entry(endpoint.to_owned()).or_default().admit(now)
    }

    pub(super) fn ended(&self, endpoint: &str, well: bool) {
        let now = self.since.elapsed();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(breaker) = known.get_mut(endpoint) else { return };
        breaker.ended(now, well);
        if breaker.is_idle() {
            known.remove(endpoint);
        }
    }
}
