//! How much of something each of many may do in a second.

use std::{
    fmt,
    hash::Hash,
    num::NonZeroU32,
    time::{Duration, Instant},
};

use governor::{
    RateLimiter,
    clock::{Clock as _, DefaultClock},
    middleware::{NoOpMiddleware, StateInformationMiddleware, StateSnapshot},
    state::{InMemoryState, NotKeyed, keyed::HashMapStateStore},
};
use parking_lot::Mutex;

use super::{fields, quota::Quota};

/// Keys of which something is kept. While so many have come within the time of the limit, further
/// ones are not limited by it: what a server serves as a whole has bounds of its own.
const KEYS_MAX: usize = 50_000;
/// Between two searches for keys of which nothing need be kept.
const EVICT_INTERVAL: Duration = Duration::from_secs(1);

type Keyed<K> = RateLimiter<K, HashMapStateStore<K>, DefaultClock, StateInformationMiddleware>;

/// A limit for each key.
pub(crate) struct RateLimit<K: Clone + Eq + Hash> {
    quota: Quota,
    burst_seconds: u32,
    limiter: Option<Keyed<K>>,
    evicted: Mutex<Instant>,
}

/// A limit was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LimitReached {
    /// What was limited, and whose, in words.
    pub(crate) what: &'static str,
    /// Seconds after which a request may succeed.
    pub(crate) retry_after: u64,
    /// The values of `RateLimit` and `RateLimit-Policy`.
    pub(crate) fields: Option<(String, String)>,
}

impl<K: Clone + Eq + Hash> RateLimit<K> {
    /// A limit in which a key may have `burst` seconds' worth at once.
    pub(crate) fn new(quota: Quota, burst: u32) -> Self {
        let limiter = governor_quota(quota.per_second, burst)
            .map(|quota| RateLimiter::hashmap(quota).with_middleware::<StateInformationMiddleware>());
        Self { quota, burst_seconds: burst, limiter, evicted: Mutex::new(Instant::now()) }
    }

    /// Counts `n` for a key; with the fields that state what it has left.
    pub(crate) fn check(&self, key: &K, n: u32) -> Result<Option<(String, String)>, LimitReached> {
        let (Some(limiter), Some(n)) = (&self.limiter, NonZeroU32::new(n)) else { return Ok(None) };
        if limiter.len() >= KEYS_MAX && !self.evict(limiter) {
            return Ok(None);
        }
        match limiter.check_key_n(key, n) {
            Ok(Ok(state)) => Ok(Some(self.fields(&state))),
            Ok(Err(not_until)) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                let retry_after = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                let burst = not_until.quota().burst_size();
                let fields = fields::rate_limit(&self.quota, burst.get(), 0, retry_after);
                Err(LimitReached { what: self.quota.what, retry_after: retry_after.max(1), fields: Some(fields) })
            }
            // More at once than ever fits: only a batch can be so large.
            Err(_) => {
                let seconds = self.burst_seconds.into();
                let burst = self.quota.per_second.unwrap_or(1).saturating_mul(self.burst_seconds);
                let fields = fields::rate_limit(&self.quota, burst, burst, seconds);
                Err(LimitReached { what: self.quota.what, retry_after: seconds, fields: Some(fields) })
            }
        }
    }

    fn fields(&self, state: &StateSnapshot) -> (String, String) {
        let (burst, left) = (state.quota().burst_size().get(), state.remaining_burst_capacity());
        let per_second = self.quota.per_second.unwrap_or(1);
        fields::rate_limit(&self.quota, burst, left, u64::from((burst - left.min(burst)).div_ceil(per_second)))
    }

    /// Forgets the keys that have used nothing of late; whether there is room then.
    fn evict(&self, limiter: &Keyed<K>) -> bool {
        let mut evicted = self.evicted.lock();
        if evicted.elapsed() >= EVICT_INTERVAL {
            limiter.retain_recent();
            *evicted = Instant::now();
        }
        limiter.len() < KEYS_MAX
    }
}

impl<K: Clone + Eq + Hash> fmt::Debug for RateLimit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RateLimit").field(&self.quota).finish()
    }
}

fn governor_quota(per_second: Option<u32>, burst: u32) -> Option<governor::Quota> {
    let per_second = NonZeroU32::new(per_second?)?;
    let burst = NonZeroU32::new(per_second.get().saturating_mul(burst))?;
    Some(governor::Quota::per_second(per_second).allow_burst(burst))
}

/// How many messages to subscribe one WebSocket may send.
pub(crate) struct SubscriptionRate(Option<RateLimiter<NotKeyed, InMemoryState, DefaultClock, NoOpMiddleware>>);

impl SubscriptionRate {
    /// As often as a client may that subscribes to many orders at once.
    const BURST_SECONDS: u32 = 20;

    pub(crate) fn new(per_second: Option<u32>) -> Self {
        Self(governor_quota(per_second, Self::BURST_SECONDS).map(RateLimiter::direct))
    }

    /// Counts a message; whether it may be carried out.
    pub(crate) fn admits(&self) -> bool {
        self.0.as_ref().is_none_or(|limiter| limiter.check().is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_a_rate_of_its_own_and_reads_what_is_left() {
        let quota = Quota { what: "requests of a", policy: "requests", unit: None, per_second: Some(2) };
        let limit = RateLimit::new(quota, 2);
        for left in [3, 2, 1, 0] {
            let (state, policy) = limit.check(&"a", 1).unwrap().unwrap();
            assert_eq!(policy, "\"requests\";q=4;w=2");
            assert!(state.starts_with(&format!("\"requests\";r={left};t=")), "{state}");
        }
        let reached = limit.check(&"a", 1).unwrap_err();
        assert_eq!((reached.what, reached.retry_after), ("requests of a", 1));
        assert_eq!(reached.fields.unwrap().0, "\"requests\";r=0;t=1");
        assert!(limit.check(&"b", 1).is_ok());
        assert_eq!(limit.check(&"a", 0), Ok(None), "nothing costs nothing");
        assert!(limit.check(&"c", 5).is_err(), "more than may ever come at once");
        assert!(limit.check(&"c", 4).is_ok(), "and nothing was counted of it");
        let none = RateLimit::new(Quota { per_second: None, ..quota }, 2);
        assert!((0..99).all(|_| none.check(&"a", 1) == Ok(None)));
    }

    #[test]
    fn what_is_kept_of_many_keys_is_bounded() {
        let quota = Quota { what: "requests", policy: "requests", unit: None, per_second: Some(1) };
        let limit = RateLimit::new(quota, 1_000);
        for key in 0..KEYS_MAX + 1_000 {
            assert!(limit.check(&key, 1).is_ok());
        }
        assert_eq!(limit.limiter.as_ref().unwrap().len(), KEYS_MAX);
        // Keys that have their whole quota again make room.
        let fast = RateLimit::new(Quota { per_second: Some(1_000_000), ..quota }, 1);
        *fast.evicted.lock() = Instant::now().checked_sub(EVICT_INTERVAL).unwrap();
        for key in 0..KEYS_MAX + 1_000 {
            assert!(fast.check(&key, 1).is_ok());
        }
        assert!(fast.limiter.as_ref().unwrap().len() <= KEYS_MAX);
    }

    #[test]
    fn a_client_may_subscribe_to_many_orders_at_once_but_not_for_ever() {
        let rate = SubscriptionRate::new(Some(10));
        assert_eq!((0..1_000).filter(|_| rate.admits()).count() / 100, 2);
        let none = SubscriptionRate::new(None);
        assert!((0..1_000).all(|_| none.admits()));
    }
}
