//! What a request says, read and checked.

pub(crate) mod authorized;
pub(crate) mod batch;
pub(crate) mod body;
pub(crate) mod order_path;
pub(crate) mod prefer;
pub(crate) mod query;
pub(crate) mod submission;
