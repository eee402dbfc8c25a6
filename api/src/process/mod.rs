//! How the api runs: as a server or as a function, from its settings to its end.

mod connection;
mod healthcheck;
mod lambda;
pub mod program;
pub(crate) mod server;
