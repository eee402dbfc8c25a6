//! What a client reads.

pub(crate) mod error;
pub(crate) mod group_view;
pub(crate) mod links;
pub(crate) mod listed_order;
pub(crate) mod receipt;
pub(crate) mod status_access;
pub(crate) mod status_view;
pub(crate) mod tokens;
