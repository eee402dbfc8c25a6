//! What every request meets before and after its handler.

pub(crate) mod body;
pub(crate) mod cors;
pub(crate) mod frame;
pub(crate) mod guard;
pub(crate) mod identity;
pub(crate) mod shed;
