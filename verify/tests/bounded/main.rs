//! What `just crash`, `just chaos` and `just mutants` do in full, small enough for every
//! `cargo test`.

mod chaos;
mod crash;
mod mutants;

/// Crash and chaos run one after the other: each of them needs the whole machine to keep its
/// deadlines.
static MACHINE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
