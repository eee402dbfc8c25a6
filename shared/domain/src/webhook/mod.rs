//! Where webhooks may go. Pure.

mod embedded;
mod policy;
mod public_address;
mod rule;

pub use policy::{Forbidden, Policy};
pub use public_address::is_public;
pub use rule::Rule;
