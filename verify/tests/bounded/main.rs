//! What `just crash`, `just chaos`, `just mutants` and `just simulation` do in full, small enough
//! for every `cargo test`.

mod chaos;
mod crash;
mod mutants;
mod simulation;

/// They run one after the other: crash and chaos need the whole machine to keep their deadlines,
/// and a simulation takes it.
static MACHINE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
