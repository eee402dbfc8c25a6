//! Where webhooks may go, and what signs them. Pure.

mod embedded;
mod policy;
mod public_address;
mod rule;
mod secrets;

pub use policy::{Forbidden, Policy};
pub use public_address::is_public;
pub use rule::Rule;
pub use secrets::{InvalidSecret, Secrets};
