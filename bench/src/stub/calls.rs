//! Counts the calls.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// By service, and by the action.
#[derive(Default)]
pub(super) struct Calls(Mutex<BTreeMap<&'static str, BTreeMap<String, u64>>>);

impl Calls {
    pub(super) fn count(&self, service: &'static str, action: &str) {
        let mut calls = self.lock();
        let of_service = calls.entry(service).or_default();
        match of_service.get_mut(action) {
            Some(count) => *count += 1,
            None => drop(of_service.insert(action.to_owned(), 1)),
        }
    }

    pub(super) fn all(&self) -> BTreeMap<String, u64> {
        let calls = self.lock();
        let all = calls.iter().flat_map(|(service, actions)| actions.iter().map(move |(a, n)| (service, a, n)));
        all.map(|(service, action, count)| (format!("{service}.{action}"), *count)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, BTreeMap<String, u64>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
