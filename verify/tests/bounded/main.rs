//! The crash matrix and the chaos run, small enough for every `cargo test`.

mod chaos;
mod crash;
