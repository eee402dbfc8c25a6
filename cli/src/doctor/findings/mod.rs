//! All kinds of findings, a file for each thing that they are about.

mod bucket;
mod gateway;
pub(super) mod lifecycle;
mod programs;
mod queues;
pub(super) mod roles;
mod storage_class;
mod table;

use super::check::Check;

/// Every check, in the order in which they are listed.
pub(super) fn all() -> impl Iterator<Item = &'static Check> {
    const ALL: [&[Check]; 7] = [
        &lifecycle::CHECKS,
        &bucket::CHECKS,
        &queues::CHECKS,
        &table::CHECKS,
        &programs::CHECKS,
        &roles::CHECKS,
        &gateway::CHECKS,
    ];
    ALL.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_finding_has_an_id_of_its_own_and_all_its_texts() {
        let mut ids = BTreeSet::new();
        for check in all() {
            assert!(ids.insert(check.id), "{} is there twice", check.id);
            assert!(check.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", check.id);
            assert!(
                !check.title.ends_with('.') && check.why.ends_with('.') && check.fix.ends_with('.'),
                "{}",
                check.id
            );
        }
        assert!(ids.len() >= 20, "{}", ids.len());
    }
}
