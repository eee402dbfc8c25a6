//! The write protocol of api, worker, sweeper, dead letters' consumer and operator, model checked: every interleaving of
//! their calls, with crashes, duplicates and lost answers in every place, keeps the invariants of `ARCHITECTURE.md`.
//!
//! **What is real here.** What an order may do next ([`OrderState::apply`]), what a worker does with a delivery
//! ([`claim::decide`]) and which failures may be redriven are the service's own functions. The calls around them are
//! modelled by hand, one step for each call, in the order in which the code makes them: `requests` is
//! `api/src/acceptance.rs` and `cancel_order.rs`, `work` is `worker/src/job/`, `upkeep` is `sweeper.rs` and
//! `dead_letters.rs`, `stores` is `shared/src/aws/`. Who changes the order of calls there, changes it here.
//!
//! **What can happen.** Between any two calls of anybody, anybody else makes any number of calls. A lease or a delivery
//! runs out at any time, under a worker that is alive, too; so does a deadline, and sweepers sweep at any time: real
//! times are among these. Faults are numbered: a process dies; a message is there twice, also after its original is
//! deleted; a call to one of the three stores fails, with its effect or without, and is tried again by the SDK or given
//! up. Each kind happens once at most, and `OFFLOAD_MODEL_DEPTH` of them together (1 unless set; settings with more
//! actors get fewer, so that all take about as long). `just model` goes to 3.
//!
//! **What is left out.** The caller that tries again for fifteen minutes and then leaves the message: it is a crash. A
//! receive whose answer is lost: it is a receive and a crash. A write that arrives after its caller has gone on: the
//! condition that makes it fail is the one that is checked. Results, expiry by TTL, and more than one order, because
//! orders share nothing.
//!
//! **Why not stateright.** Its `eventually` is unsound where paths join or turn in circles, as they do here, where a
//! message comes again and again; it says so itself. What is wanted is stronger anyway: the end can be reached from
//! everywhere ([`checker::ENDS`]). And it comes with an HTTP server that no feature turns off.
//!
//! **Mutations.** Each guard of the protocol is removed in turn, and the checker must find what it was for. The same is done
//! to the code itself by `just mutants`.
//!
//! [`OrderState::apply`]: offload_shared::order::OrderState::apply
//! [`claim::decide`]: offload_shared::claim::decide

mod checker;
mod properties;
mod protocol;
mod requests;
mod stores;
mod upkeep;
mod work;
mod world;

use std::time::Instant;

use checker::{ENDS, Report, check};
use properties::{DELETED, FINAL_ROW, IN_HAND, NEVER_BACK, ONE_ORDER, ONE_WORKER, REVISION};
use protocol::{Guard, Protocol, Setting};

/// An order that is in the queue, and two workers.
const WORK: Setting = Setting {
    requests: 0,
    race: false,
    keyed: true,
    workers: 2,
    attempts: 1,
    fails: false,
    show: false,
    progress: false,
    cancel: false,
    deadline: false,
    delay: false,
    dead_letters: false,
    redrive: false,
    faults: 0,
};

/// A request with a key, the same once more, and one worker.
const RETRY: Setting = Setting { requests: 2, workers: 1, ..WORK };

/// A request without a key.
const UNKEYED: Setting = Setting { requests: 1, keyed: false, workers: 1, ..WORK };

/// How many faults there are in one run, `fewer` than the depth that was asked for; `None` if that is less than none.
fn faults(fewer: u8) -> Option<u8> {
    let depth = std::env::var("OFFLOAD_MODEL_DEPTH").unwrap_or_else(|_| "1".to_owned());
    depth.parse::<u8>().expect("OFFLOAD_MODEL_DEPTH is a small number").checked_sub(fewer)
}

/// Checks a setting with `fewer` faults than were asked for, and expects that nothing breaks.
fn holds(name: &str, fewer: u8, setting: Setting) {
    let Some(faults) = faults(fewer) else { return };
    let begun = Instant::now();
    let Report { states, steps, depth, counterexample } = check(&Protocol::new(Setting { faults, ..setting }, None));
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
fn two_workers() {
    holds("two workers", 0, Setting { fails: true, show: true, ..WORK });
}

#[test]
fn two_workers_with_several_attempts() {
    holds("attempts", 0, Setting { fails: true, attempts: 2, ..WORK });
}

#[test]
fn two_workers_that_report_progress() {
    holds("progress", 0, Setting { progress: true, ..WORK });
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
    let shown = Setting { show: true, ..WORK };
    let table = [
        (Guard::IfMatch, shown, NEVER_BACK),
        (Guard::IfNoneMatch, Setting { race: true, ..RETRY }, NEVER_BACK),
        (Guard::Revision, Setting { cancel: true, workers: 1, ..WORK }, FINAL_ROW),
        (Guard::DeleteAfterWrite, WORK, DELETED),
        (Guard::Republish, one(WORK), DELETED),
        (Guard::Sweeper, one(Setting { requests: 1, ..RETRY }), ENDS),
        (Guard::MarkAfterSend, Setting { requests: 1, ..RETRY }, IN_HAND),
        (Guard::DeadLetters, one(Setting { dead_letters: true, workers: 1, ..WORK }), ENDS),
        (Guard::KeyIsNew, Setting { race: true, ..RETRY }, ONE_ORDER),
        (Guard::WithdrawUnclaimed, one(UNKEYED), REVISION),
        (Guard::Lease, Setting { attempts: 2, ..WORK }, ONE_WORKER),
        (Guard::LeaseStillEnded, Setting { attempts: 2, ..WORK }, ONE_WORKER),
    ];
    for (guard, setting, expected) in table {
        let intact = check(&Protocol::new(setting, None));
        assert!(intact.counterexample.is_none(), "{guard:?} in place: nothing breaks");
        let Report { states, counterexample, .. } = check(&Protocol::new(setting, Some(guard)));
        let found = counterexample.unwrap_or_else(|| panic!("without {guard:?} nothing breaks"));
        println!("without {guard:?} ({states} states): {found}");
        assert_eq!(found.property, expected, "without {guard:?}");
    }
}
