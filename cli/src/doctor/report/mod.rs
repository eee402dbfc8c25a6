//! What was found, for people and for programs. Pure.

mod sarif;
mod text;

pub(super) use sarif::sarif;
pub(super) use text::{list, text};
