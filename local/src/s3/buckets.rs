//! The object store that the operations work on.

use std::sync::Arc;

use super::access::Access;
use super::registry::Registry;
use crate::clock::Clock;
use crate::store::Store;

/// The object store, as `s3s` calls it.
#[derive(Clone)]
pub(super) struct Buckets {
    pub(super) store: Arc<Store>,
    pub(super) registry: Arc<Registry>,
    pub(super) access: Access,
    pub(super) clock: Clock,
    pub(super) region: Arc<str>,
}
