//! How the api runs: as a server or as a function, from its settings to its end.

mod client_stream;
mod connection;
mod healthcheck;
mod lambda;
mod listener;
mod peer_connections;
pub mod program;
pub(crate) mod server;
