//! The endpoints that webhooks go to: a circuit breaker for each, and bounds on what tenants and
//! unknown endpoints take of the permits.
//!
//! An endpoint is an origin as one tenant uses it, so no tenant can open the circuit of another
//! one. A bound by domain would add nothing: domains and their names cost a client little, while
//! every new one begins as unknown, and all of a tenant's share that tenant's bound.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    time::{Duration, Instant},
};

use lru::LruCache;
use offload_domain::tenant::Tenant;
use parking_lot::Mutex;

use super::{
    super::super::deferral::deferral,
    breaker::{Admission, Breaker},
};

/// Endpoints that are remembered, of those that fail and of those that work. Beyond that, the one
/// that was used least recently is forgotten.
const REMEMBERED_MAX: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not zero");
/// An endpoint is known for so long after a success.
const KNOWN_FOR: Duration = Duration::from_secs(3_600);
/// A tenant has the permits to itself once no other one has had webhooks for so long.
const ALONE_AFTER: Duration = Duration::from_secs(3_600);
/// The longest that what is beyond a tenant's bounds waits: other endpoints of it may work.
const LONGEST_WAIT_OF_TENANT: Duration = Duration::from_secs(30);

/// Which attempts compete with each other. Retries have permits of their own, so that they keep no
/// first attempt waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    First,
    Retry,
}

/// Deliveries at once.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// To endpoints that are unknown.
    unknown: u32,
    /// To those of one tenant.
    unknown_of_tenant: u32,
    /// To all of one tenant's.
    tenant: u32,
}

impl Bounds {
    fn of(permits: usize) -> Self {
        let part = |n: usize| u32::try_from((permits / n).max(1)).unwrap_or(u32::MAX);
        Self { unknown: part(4), unknown_of_tenant: part(8), tenant: part(2) }
    }

    /// Of a tenant beside which there is no other.
    fn alone(self) -> Self {
        Self { unknown_of_tenant: self.unknown, tenant: u32::MAX, ..self }
    }
}

/// The two tenants that had webhooks last.
#[derive(Debug, Default)]
struct LastTenants {
    last: Option<Tenant>,
    /// When the last one had.
    at: Duration,
    /// When the one before it had.
    other_at: Option<Duration>,
}

impl LastTenants {
    /// A tenant has one now; whether no other one has had any for [`ALONE_AFTER`].
    fn is_alone(&mut self, tenant: &Tenant, now: Duration) -> bool {
        if self.last.as_ref() != Some(tenant) {
            self.other_at = self.last.replace(tenant.clone()).map(|_| self.at);
        }
        self.at = now;
        self.other_at.is_none_or(|at| now >= at + ALONE_AFTER)
    }
}

/// What runs in a lane.
#[derive(Debug, Default)]
struct Running {
    unknown: u32,
    tenants: HashMap<Tenant, Share>,
}

/// What a tenant takes of a lane; forgotten when nothing of it runs.
#[derive(Debug, Default)]
struct Share {
    running: u32,
    unknown: u32,
    /// Deferred since nothing of it ran.
    deferred: u32,
}

type Key = (Tenant, String);

struct State {
    breakers: LruCache<Key, Breaker>,
    /// When the endpoints that work last did. Apart from those that fail: these are a client's to
    /// make, and would have others forgotten.
    known: LruCache<Key, Duration>,
    lanes: [Running; 2],
    tenants: LastTenants,
}

pub(super) struct Endpoints {
    since: Instant,
    bounds: [Bounds; 2],
    state: Mutex<State>,
}

/// A delivery that may run; its end is to be reported by [`Endpoints::ended`].
#[derive(Debug)]
pub(super) struct Admitted {
    key: Key,
    lane: Lane,
    /// Whether the endpoint worked lately.
    pub(super) known: bool,
}

impl Endpoints {
    /// For so many first attempts and so many retries at once.
    pub(super) fn new(first: usize, retries: usize) -> Self {
        let (breakers, known) = (LruCache::sparse(REMEMBERED_MAX), LruCache::sparse(REMEMBERED_MAX));
        let tenants = LastTenants::default();
        let state = State { breakers, known, lanes: [Running::default(), Running::default()], tenants };
        Self { since: Instant::now(), bounds: [Bounds::of(first), Bounds::of(retries)], state: Mutex::new(state) }
    }

    /// Asks to deliver to an endpoint now.
    ///
    /// # Errors
    /// How long to wait, because the circuit is open or enough are running.
    pub(super) fn admit(&self, tenant: &Tenant, origin: &str, lane: Lane) -> Result<Admitted, Duration> {
        self.admit_at(tenant, origin, lane, self.since.elapsed())
    }

    /// An admitted delivery has ended; `healthy` if the endpoint works.
    pub(super) fn ended(&self, admitted: Admitted, healthy: bool) {
        self.ended_at(admitted, healthy, self.since.elapsed());
    }

    /// Circuits that are open.
    pub(super) fn open_circuits(&self) -> usize {
        let now = self.since.elapsed();
        self.state
            .lock()
            .breakers
            .iter()
            .filter(|(_, breaker)| breaker.open_for(now).is_some_and(|left| !left.is_zero()))
            .count()
    }

    /// How long the circuit of an endpoint stays open, the longest of any tenant.
    pub(super) fn open_circuit(&self, origin: &str) -> Option<Duration> {
        let now = self.since.elapsed();
        let state = self.state.lock();
        let of_origin = state.breakers.iter().filter(|((_, known), _)| known == origin);
        of_origin.filter_map(|(_, breaker)| breaker.open_for(now)).max()
    }

    fn admit_at(&self, tenant: &Tenant, origin: &str, lane: Lane, now: Duration) -> Result<Admitted, Duration> {
        let (key, bounds) = ((tenant.clone(), origin.to_owned()), self.bounds[lane as usize]);
        let State { breakers, known, lanes, tenants } = &mut *self.state.lock();
        let bounds = if tenants.is_alone(tenant, now) { bounds.alone() } else { bounds };
        let known = known.get(&key).is_some_and(|at| now < *at + KNOWN_FOR);
        let running = &mut lanes[lane as usize];
        if let Some(share) = running.tenants.get_mut(tenant) {
            let unknown_full = running.unknown >= bounds.unknown || share.unknown >= bounds.unknown_of_tenant;
            if share.running >= bounds.tenant || (!known && unknown_full) {
                let wait = deferral(share.deferred, LONGEST_WAIT_OF_TENANT);
                share.deferred = share.deferred.saturating_add(1);
                return Err(wait);
            }
        } else if !known && running.unknown >= bounds.unknown {
            return Err(deferral(0, LONGEST_WAIT_OF_TENANT));
        }
        match breakers.get_or_insert_mut(key.clone(), Breaker::default).admit(now) {
            Admission::Go => {}
            Admission::Open(wait) | Admission::Busy(wait) => return Err(wait),
        }
        let share = running.tenants.entry(tenant.clone()).or_default();
        share.running += 1;
        if !known {
            share.unknown += 1;
            running.unknown += 1;
        }
        Ok(Admitted { key, lane, known })
    }

    fn ended_at(&self, Admitted { key, lane, known: was_known }: Admitted, healthy: bool, now: Duration) {
        let State { breakers, known, lanes, .. } = &mut *self.state.lock();
        let running = &mut lanes[lane as usize];
        if let Some(share) = running.tenants.get_mut(&key.0) {
            share.running = share.running.saturating_sub(1);
            if !was_known {
                share.unknown = share.unknown.saturating_sub(1);
                running.unknown = running.unknown.saturating_sub(1);
            }
            if share.running == 0 {
                running.tenants.remove(&key.0);
            }
        }
        if let Some(breaker) = breakers.get_mut(&key) {
            breaker.ended(now, healthy);
            if breaker.is_idle() {
                breakers.pop(&key);
            }
        }
        if healthy {
            known.put(key, now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn tenant(name: &str) -> Tenant {
        name.parse().unwrap()
    }

    fn admit(endpoints: &Endpoints, name: &str, origin: &str) -> Result<Admitted, Duration> {
        endpoints.admit_at(&tenant(name), origin, Lane::First, NOW)
    }

    fn open_circuit(endpoints: &Endpoints, name: &str, origin: &str) {
        for _ in 0..5 {
            endpoints.ended_at(admit(endpoints, name, origin).unwrap(), false, NOW);
        }
    }

    fn make_known(endpoints: &Endpoints, name: &str, origin: &str) {
        endpoints.ended_at(admit(endpoints, name, origin).unwrap(), true, NOW);
    }

    #[test]
    fn one_endpoint_too_many_closes_no_circuit_but_the_oldest() {
        let endpoints = Endpoints::new(64, 16);
        let host = |n: usize| format!("https://{n}.example");
        for n in 0..=REMEMBERED_MAX.get() {
            open_circuit(&endpoints, "a", &host(n));
        }
        // The newest first: to ask for one that is forgotten would forget another.
        let open = (0..=REMEMBERED_MAX.get()).rev().take_while(|n| admit(&endpoints, "a", &host(*n)).is_err());
        assert_eq!(open.count(), REMEMBERED_MAX.get());
    }

    #[test]
    fn a_tenant_opens_no_circuit_of_another() {
        let endpoints = Endpoints::new(64, 16);
        open_circuit(&endpoints, "a", "https://shared.example");
        assert!(admit(&endpoints, "a", "https://shared.example").is_err());
        assert!(admit(&endpoints, "b", "https://shared.example").is_ok());
    }

    #[test]
    fn unknown_endpoints_share_a_few_permits_however_many_there_are() {
        let endpoints = Endpoints::new(64, 16);
        make_known(&endpoints, "good", "https://known.example");
        make_known(&endpoints, "b", "https://b.example");
        let mut running = Vec::new();
        for name in ["a", "b", "c"] {
            for n in 0..10_000 {
                running.extend(admit(&endpoints, name, &format!("https://{n}.{name}.example")).ok());
            }
        }
        assert_eq!(running.len(), 16);
        assert_eq!(running.iter().filter(|a| a.key.0 == tenant("a")).count(), 8, "half of them a tenant's at most");
        assert!(admit(&endpoints, "good", "https://known.example").unwrap().known);
        let retry = endpoints.admit_at(&tenant("d"), "https://d.example", Lane::Retry, NOW);
        assert!(retry.is_ok(), "retries have permits of their own");
        for admitted in running {
            endpoints.ended_at(admitted, false, NOW);
        }
        assert!(admit(&endpoints, "d", "https://new.example").is_ok());
    }

    #[test]
    fn a_tenant_has_half_of_the_permits_at_most() {
        let endpoints = Endpoints::new(64, 16);
        let host = |n: usize| format!("https://{n}.example");
        make_known(&endpoints, "b", "https://b.example");
        for n in 0..100 {
            make_known(&endpoints, "a", &host(n));
        }
        let running: Vec<Admitted> = (0..100).filter_map(|n| admit(&endpoints, "a", &host(n)).ok()).collect();
        assert_eq!(running.len(), 32);
        assert!(admit(&endpoints, "b", "https://b.example").is_ok());
    }

    #[test]
    fn a_tenant_has_all_permits_while_no_other_one_has_webhooks() {
        let endpoints = Endpoints::new(64, 16);
        let host = |n: usize| format!("https://{n}.example");
        let admitted = |now| {
            let admit = |n| endpoints.admit_at(&tenant("a"), &host(n), Lane::First, now).ok();
            let admitted: Vec<Admitted> = (0..100).filter_map(admit).collect();
            let count = admitted.len();
            admitted.into_iter().for_each(|admitted| endpoints.ended_at(admitted, true, now));
            count
        };
        assert_eq!(admitted(NOW), 16, "all that endpoints that are unknown have");
        assert_eq!(admitted(NOW) / 16, 2, "those that worked and the unknown ones");
        (0..100).for_each(|n| make_known(&endpoints, "a", &host(n)));
        assert_eq!(admitted(NOW), 100);
        make_known(&endpoints, "b", "https://b.example");
        assert_eq!(admitted(ALONE_AFTER / 2), 32);
        assert_eq!(admitted(ALONE_AFTER), 32 + 16, "those that worked within the hour, and unknown ones");
    }

    #[test]
    fn what_waits_does_not_come_back_all_at_once() {
        let endpoints = Endpoints::new(8, 8);
        let _running = admit(&endpoints, "a", "https://0.example").unwrap();
        let waits: Vec<Duration> =
            (1..10_000).filter_map(|n| admit(&endpoints, "a", &format!("https://{n}.example")).err()).collect();
        assert_eq!((waits[0], waits[9_000]), (Duration::from_secs(1), LONGEST_WAIT_OF_TENANT));
    }

    #[test]
    fn an_endpoint_that_works_is_known_for_an_hour() {
        let endpoints = Endpoints::new(64, 16);
        make_known(&endpoints, "a", "https://a.example");
        assert!(endpoints.state.lock().breakers.is_empty() && endpoints.state.lock().lanes[0].tenants.is_empty());
        let known = |at| endpoints.admit_at(&tenant("a"), "https://a.example", Lane::First, at).unwrap().known;
        assert!(known(KNOWN_FOR / 2) && !known(KNOWN_FOR));
    }
}
