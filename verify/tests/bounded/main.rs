//! What `just crash`, `just chaos` and `just mutants` do in full, small enough for every `cargo test`.

mod chaos;
mod crash;
mod mutants;
