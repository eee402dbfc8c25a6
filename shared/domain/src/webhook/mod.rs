//! Webhooks: where they may go, how they are signed, and when an endpoint is left in peace. Pure.

mod breaker;
mod policy;
mod sign;

pub use breaker::{Admission, Breaker};
pub use policy::{Forbidden, Policy, Rule, is_public};
pub use sign::{InvalidSecret, Signer};
