//! The whole system in one simulated run: api servers, workers with their sweepers, clients, an
//! operator and the embedded stores, on one thread, with simulated time, a simulated network and
//! randomness that follows from a seed. The same seed gives the same run, call by call.
//!
//! The programs are the real ones. What differs is the machine: each `host` has a runtime of its
//! own that runs while it is stepped, calls go by `network` instead of sockets, and the C
//! library's clock and random bytes are the simulation's (`machine`). For half a minute the
//! `weather` is bad; then it is calm, and every order must end. `invariants` checks every call.
//!
//! A run is a process of its own, because its randomness begins with the process. `fleet` starts
//! them.

mod client;
mod dice;
mod fleet;
mod host;
mod invariants;
mod ledger;
mod machine;
mod network;
mod processor;
mod programs;
mod report;
mod run;
mod weather;
mod witness;

pub use fleet::{Fleet, run_as_started};
pub use report::Report;
