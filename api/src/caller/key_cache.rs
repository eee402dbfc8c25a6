//! What is known of API keys, for a short time: those that exist and those that do not. Pure.
//!
//! A key that was found may be read again at any time. The reads for ids that were never found have
//! a budget, so that random keys cost neither a read each nor, by filling the cache, the reads of
//! real ones.

use std::{num::NonZeroUsize, time::Duration};

use lru::LruCache;
use offload_stores::StoredKey;
use tokio::time::Instant;

/// Keys that are remembered at most, and as many ids without a key.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(4_096).expect("not zero");
/// Reads for unknown ids in a second, and in a burst.
const UNKNOWN_PER_SECOND: f64 = 50.0;

/// What is known of an id.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Known {
    /// This, for now.
    Key(Box<StoredKey>),
    /// There is no such key, for now.
    Nothing,
    /// It must be read.
    Unread,
    /// It must be read, and the budget is spent.
    NotNow,
}

#[derive(Debug)]
pub(super) struct KeyCache {
    kept: Duration,
    found: LruCache<String, (Box<StoredKey>, Instant)>,
    missing: LruCache<String, Instant>,
    /// Reads that the budget still has, as of then.
    budget: (f64, Instant),
}

impl KeyCache {
    pub(super) fn new(kept: Duration, now: Instant) -> Self {
        let (found, missing) = (LruCache::new(REMEMBERED), LruCache::new(REMEMBERED));
        Self { kept, found, missing, budget: (UNKNOWN_PER_SECOND, now) }
    }

    /// What is known of an id. `Unread` takes a read from the budget, unless the id had a key.
    pub(super) fn get(&mut self, id: &str, now: Instant) -> Known {
        match self.found.get(id) {
            Some((key, read_at)) if now.duration_since(*read_at) < self.kept => return Known::Key(key.clone()),
            Some(_) => return Known::Unread,
            None => {}
        }
        if self.missing.get(id).is_some_and(|read_at| now.duration_since(*read_at) < self.kept) {
            return Known::Nothing;
        }
        let (left, at) = self.budget;
        let left = (left + now.duration_since(at).as_secs_f64() * UNKNOWN_PER_SECOND).min(UNKNOWN_PER_SECOND);
        let allowed = left >= 1.0;
        self.budget = (if allowed { left - 1.0 } else { left }, now);
        if allowed { Known::Unread } else { Known::NotNow }
    }

    /// Remembers what was read at `now`.
    pub(super) fn put(&mut self, id: &str, key: Option<StoredKey>, now: Instant) {
        match key {
            Some(key) => {
                self.missing.pop(id);
                self.found.put(id.to_owned(), (Box::new(key), now));
            }
            None => {
                self.found.pop(id);
                self.missing.put(id.to_owned(), now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use offload_domain::api_key::ApiKey;

    use super::*;

    const KEPT: Duration = Duration::from_secs(30);

    fn key() -> StoredKey {
        StoredKey::new(&ApiKey::new([1; 8], [2; 32]), Default::default(), "n", Default::default(), Default::default())
    }

    #[test]
    fn a_key_and_a_missing_one_are_believed_for_a_while() {
        let start = Instant::now();
        let mut cache = KeyCache::new(KEPT, start);
        assert_eq!(cache.get("a", start), Known::Unread);
        cache.put("a", Some(key()), start);
        cache.put("b", None, start);
        let last = start + KEPT.mul_f64(0.99);
        assert!(matches!(cache.get("a", last), Known::Key(_)));
        assert_eq!(cache.get("b", last), Known::Nothing);
        assert_eq!(cache.get("a", start + KEPT), Known::Unread);
        assert_eq!(cache.get("b", start + KEPT), Known::Unread);
        cache.put("a", None, start + KEPT);
        assert_eq!(cache.get("a", start + KEPT), Known::Nothing);
    }

    #[test]
    fn random_ids_are_not_read_without_a_bound_and_do_not_stop_real_keys() {
        let start = Instant::now();
        let mut cache = KeyCache::new(KEPT, start);
        cache.put("real", Some(key()), start);
        let mut reads = 0;
        for n in 0..100_000_u32 {
            let now = start + Duration::from_micros(u64::from(n) * 100);
            reads += u32::from(cache.get(&format!("random-{n}"), now) == Known::Unread);
            cache.put(&format!("random-{n}"), None, now);
        }
        assert!((500..=600).contains(&reads), "{reads} reads in ten seconds");
        let later = start + KEPT + Duration::from_secs(1);
        assert_eq!(cache.get("real", later), Known::Unread, "read again, whatever the budget has");
        assert!(cache.missing.len() <= REMEMBERED.get());
    }
}
