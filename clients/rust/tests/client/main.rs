//! What the client sends and receives, on real sockets, from a service whose responses are
//! scripted.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod cancel;
mod credentials;
mod polling;
mod push;
mod renewal;
mod result;
mod service;
mod submit;
