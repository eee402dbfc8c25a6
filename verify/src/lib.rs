//! Breaks the whole system on purpose and counts how the orders end.
//!
//! `just crash`, `just chaos` and `just simulation` run this in full; `tests/bounded` runs it
//! small, in `cargo test`.

pub mod chaos;
pub mod crash;
pub mod simulation;
