//! What every request meets before and after its handler.

pub(crate) mod access_log;
pub(crate) mod cors;
pub(crate) mod guard;
pub(crate) mod identity;
pub(crate) mod limit_concurrency;
