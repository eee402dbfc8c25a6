//! How many of something each of many has at once.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    sync::Arc,
};

use parking_lot::Mutex;

/// Counts for each key. Nothing is kept of a key that has none.
#[derive(Debug)]
pub(crate) struct Shares<K: Clone + Eq + Hash> {
    /// The most that a key may have; `None` for no limit.
    max: Option<u32>,
    taken: Mutex<HashMap<K, u32>>,
}

/// One of a key's, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share<K: Clone + Eq + Hash>(Option<(Arc<Shares<K>>, K)>);

impl<K: Clone + Eq + Hash> Shares<K> {
    pub(crate) fn new(max: Option<u32>) -> Arc<Self> {
        Arc::new(Self { max, taken: Mutex::default() })
    }

    /// The most that a key may have.
    pub(crate) fn max(&self) -> Option<u32> {
        self.max
    }

    /// One more for a key, unless it has as many as it may.
    pub(crate) fn take(self: &Arc<Self>, key: K) -> Option<Share<K>> {
        let Some(max) = self.max else { return Some(Share(None)) };
        let mut taken = self.taken.lock();
        let of_key = taken.entry(key.clone()).or_insert(0);
        if *of_key >= max {
            return None;
        }
        *of_key += 1;
        Some(Share(Some((Arc::clone(self), key))))
    }
}

impl<K: Clone + Eq + Hash> Drop for Share<K> {
    fn drop(&mut self) {
        let Some((shares, key)) = self.0.take() else { return };
        if let Entry::Occupied(mut taken) = shares.taken.lock().entry(key) {
            *taken.get_mut() -= 1;
            if *taken.get() == 0 {
                taken.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_so_many_and_nothing_is_kept_of_it_at_the_end() {
        let shares = Shares::new(Some(2));
        let held: Vec<_> = (0..2).map(|_| shares.take("a").unwrap()).collect();
        assert!(shares.take("a").is_none() && shares.take("b").is_some());
        drop(held);
        assert!(shares.take("a").is_some());
        assert!(shares.taken.lock().is_empty());
        let open = Shares::new(None);
        assert!((0..9).map(|_| open.take("a")).all(|share| share.is_some()));
    }
}
