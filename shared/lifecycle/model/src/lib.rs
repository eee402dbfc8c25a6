//! The write protocol of api, worker, sweeper, dead letters' consumer and operator, model checked:
//! every interleaving of their calls, with crashes, duplicates and lost answers in every location,
//! keeps the invariants of `ARCHITECTURE.md`.
//!
//! **What is real here.** What an order may do next ([`OrderState::apply`]), what a worker does
//! with a delivery ([`claim::decide`]) and which failures may be redriven are the service's own
//! functions. The calls around them are modelled, one step for each, in the order in which the code
//! makes them: a file here has the name of the file of `lifecycle` that it models, and `stores` is
//! `shared/stores`. `tests/system/call_order.rs` compares the two.
//!
//! **What can happen.** Between any two calls of anybody, anybody else makes any number of calls. A
//! lease or a delivery runs out at any time, under a worker that is alive, too; so does a deadline,
//! and sweepers sweep at any time: real times are among these. Faults are numbered: a process dies;
//! a message is there twice, also after its original is deleted, or is lost; a call to one of the
//! three stores fails, with its effect or without, or with its effect later, and is tried again by
//! the SDK or not. Each kind happens once
//! at most, and `OFFLOAD_MODEL_DEPTH` of them together (1 unless set; settings with more actors get
//! fewer, so that all take about as long). `just model` goes to 3.
//!
//! **What is left out.** The caller that tries again for fifteen minutes and then leaves the
//! message: it is a crash. A receive whose answer is lost: it is a receive and a crash. A late
//! write of anything but a new row: the condition that makes it fail is the one that is checked.
//! How long anything takes: a sweeper may come at any time, and where an order needs nothing its
//! round is left out. Expiry by TTL, and more than one order, because orders share nothing.
//!
//! **Why not stateright.** Its `eventually` is unsound where paths join or turn in circles, as they
//! do here, where a message comes again and again; it says so itself. What is wanted is stronger
//! anyway: the end can be reached from everywhere (`checker::ENDS`). And it comes with an HTTP
//! server that no feature disables.
//!
//! **Mutations.** Each guard of the protocol is removed in turn, and the checker must find what it
//! was for. The same is done to the code itself by `just mutants`.
//!
//! [`OrderState::apply`]: offload_domain::order::OrderState::apply
//! [`claim::decide`]: offload_domain::claim::decide

mod accept;
mod call;
mod cancel;
mod checker;
mod claim;
mod dead_letter;
mod environment;
mod finish;
mod progress;
mod properties;
mod protocol;
mod redrive;
mod setting;
mod step;
mod stores;
mod subscribe;
mod sweep;
#[cfg(test)]
mod tests;
mod verb;
mod worker;
mod world;

pub use checker::{Counterexample, Report};
pub use setting::{Guard, Setting};
pub use subscribe::{SubscribeGuard, check_subscribe};
pub use verb::{Verb, sequences};

/// Checks the protocol in a setting, with all guards or without one.
#[must_use]
pub fn check(setting: Setting, removed: Option<Guard>) -> Report {
    checker::check(&protocol::Protocol::new(setting, removed))
}
