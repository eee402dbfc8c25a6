//! The protocol holds, and no guard of it can be removed. `OFFLOAD_MODEL_DEPTH` says how many
//! faults one run has.

use std::time::Instant;

use crate::properties::{DELETED, ENTRY, FINAL_ROW, NEVER_BACK, ONE_ORDER, ONE_WORKER, RESULT, REVISION, TAKEN_BACK};
use crate::{Guard, Report, Setting, SubscribeGuard, check, check_subscribe, checker::ENDS};

/// An order that is in the queue, and two workers.
const WORK: Setting = Setting { workers: 2, ..Setting::IDLE };

/// A request with a key, the same once more, and one worker.
const RETRY: Setting = Setting { requests: 2, workers: 1, ..WORK };

/// A request without a key.
const UNKEYED: Setting = Setting { requests: 1, keyed: false, workers: 1, ..WORK };

/// How many faults there are in one run, `fewer` than the depth that was asked for; `None` if that
/// is less than none.
fn faults(fewer: u8) -> Option<u8> {
    let depth = std::env::var("OFFLOAD_MODEL_DEPTH").unwrap_or_else(|_| "1".to_owned());
    depth.parse::<u8>().expect("OFFLOAD_MODEL_DEPTH is a small number").checked_sub(fewer)
}

/// Checks a setting with `fewer` faults than were asked for, and expects that nothing breaks.
fn holds(name: &str, fewer: u8, setting: Setting) {
    let Some(faults) = faults(fewer) else { return };
    let begun = Instant::now();
    let Report { states, steps, depth, counterexample } = check(Setting { faults, ..setting }, None);
    println!("{name}, faults {faults}: {states} states, {steps} steps, depth {depth}, {:.1?}", begun.elapsed());
    assert!(counterexample.is_none(), "{name}: {}", counterexample.map(|c| c.to_string()).unwrap_or_default());
}

#[test]
fn a_request_and_its_retry() {
    holds("retry", 0, RETRY);
}

#[test]
fn two_requests_with_one_key_at_once() {
    holds("race", 1, Setting { race: true, ..RETRY });
}

#[test]
fn a_request_without_a_key() {
    holds("no key", 0, Setting { fails: true, ..UNKEYED });
}

#[test]
fn a_request_while_the_table_fails() {
    holds("table fails", 0, Setting { careful: true, ..UNKEYED });
    holds("table fails, retry", 0, Setting { careful: true, ..RETRY });
}

#[test]
fn results_of_two_workers() {
    holds("results", 0, Setting { results: true, fails: true, attempts: 2, ..WORK });
    let redriven = Setting { redrive: true, dead_letters: true, fails: true, results: true, workers: 1, ..WORK };
    holds("results, redrive", 1, redriven);
}

#[test]
fn an_order_that_is_sent_again() {
    holds("sent again", 1, Setting { resends: 1, fails: true, attempts: 2, ..WORK });
    holds("sent again, one worker", 0, Setting { resends: 2, workers: 1, ..WORK });
}

#[test]
fn two_workers() {
    holds("two workers", 0, Setting { fails: true, publish_running: true, ..WORK });
}

#[test]
fn two_workers_with_several_attempts() {
    holds("attempts", 0, Setting { fails: true, attempts: 2, ..WORK });
}

#[test]
fn two_workers_that_report_progress() {
    holds("progress", 0, Setting { progress: true, ..WORK });
    holds("progress, published", 0, Setting { progress: true, publish_running: true, workers: 1, ..WORK });
}

#[test]
fn an_order_that_is_cancelled() {
    holds("cancel", 0, Setting { cancel: true, ..WORK });
}

#[test]
fn an_order_with_a_deadline() {
    holds("deadline", 0, Setting { deadline: true, workers: 1, ..WORK });
    holds("deadline, two workers", 1, Setting { deadline: true, ..WORK });
}

#[test]
fn an_order_that_must_wait() {
    holds("delay", 0, Setting { delay: true, workers: 1, ..WORK });
}

#[test]
fn dead_letters() {
    holds("dead letters", 0, Setting { dead_letters: true, ..WORK });
}

#[test]
fn an_order_that_is_redriven() {
    holds("redrive", 1, Setting { redrive: true, dead_letters: true, fails: true, workers: 1, ..WORK });
}

#[test]
fn everything_at_once() {
    holds("everything", 2, Setting { cancel: true, deadline: true, dead_letters: true, fails: true, ..WORK });
}

#[test]
fn no_guard_can_be_removed() {
    let one = |setting| Setting { faults: 1, ..setting };
    let published = Setting { publish_running: true, ..WORK };
    let table = [
        (Guard::IfMatch, published, NEVER_BACK),
        (Guard::IfNoneMatch, Setting { race: true, ..RETRY }, NEVER_BACK),
        (Guard::Revision, Setting { cancel: true, workers: 1, ..WORK }, FINAL_ROW),
        (Guard::DeleteAfterPublish, WORK, DELETED),
        (Guard::Sweeper, one(Setting { requests: 1, ..RETRY }), ENDS),
        (Guard::EntryUntilPublished, Setting { requests: 1, ..RETRY }, ENTRY),
        (Guard::EntryOutlivesEnd, WORK, ENTRY),
        (Guard::SettleOnRevision, one(Setting { redrive: true, dead_letters: true, workers: 1, ..WORK }), ENTRY),
        (Guard::KeyIsNew, Setting { race: true, ..RETRY }, ONE_ORDER),
        (Guard::WithdrawUnclaimed, one(UNKEYED), REVISION),
        (Guard::WithdrawBeforeAnswer, one(UNKEYED), TAKEN_BACK),
        (Guard::Tombstone, one(UNKEYED), TAKEN_BACK),
        (Guard::Lease, Setting { attempts: 2, ..WORK }, ONE_WORKER),
        (Guard::LeaseStillEnded, Setting { attempts: 2, ..WORK }, ONE_WORKER),
        (Guard::OneClock, Setting { attempts: 2, ..one(WORK) }, ONE_WORKER),
        (Guard::FencedResult, Setting { attempts: 2, results: true, ..WORK }, RESULT),
    ];
    for (guard, setting, expected) in table {
        let intact = check(setting, None);
        assert!(intact.counterexample.is_none(), "{guard:?} in place: nothing breaks");
        let Report { states, counterexample, .. } = check(setting, Some(guard));
        let found = counterexample.unwrap_or_else(|| panic!("without {guard:?} nothing breaks"));
        println!("without {guard:?} ({states} states): {found}");
        assert_eq!(found.property, expected, "without {guard:?}");
    }
}

#[test]
fn a_subscriber_misses_no_change() {
    let report = check_subscribe(None);
    println!("subscribe: {} states, {} steps", report.states, report.steps);
    assert!(report.counterexample.is_none(), "{}", report.counterexample.unwrap());
    for guard in
        [SubscribeGuard::RowBeforeMark, SubscribeGuard::MarkAnswersWithTheOrder, SubscribeGuard::MarkComesWithTheWrite]
    {
        let found = check_subscribe(Some(guard)).counterexample;
        let found = found.unwrap_or_else(|| panic!("without {guard:?} nothing breaks"));
        println!("without {guard:?}: {found}");
    }
}

#[test]
fn every_verb_has_a_sequence_of_calls() {
    for verb in crate::Verb::ALL {
        let sequences = crate::sequences(verb);
        assert!(!sequences.is_empty() && sequences.iter().all(|s| s.len() > 1), "{verb:?}: {sequences:?}");
    }
}
