//! Callers with an API key.

use std::time::Duration;

use offload_domain::{api_key::ApiKey, caller::Caller};
use offload_stores::{OrderTable, StoredKey};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    key_cache::{KeyCache, Known},
    refused::Refused,
};

const NO_SUCH_KEY: Refused = Refused::Invalid("there is no such API key, or it was revoked");

/// The API keys of the order table.
#[derive(Debug)]
pub(super) struct Keys {
    table: OrderTable,
    cache: Mutex<KeyCache>,
}

impl Keys {
    pub(super) fn new(table: OrderTable, kept: Duration) -> Self {
        Self { table, cache: Mutex::new(KeyCache::new(kept, Instant::now())) }
    }

    /// Who has this key.
    ///
    /// # Errors
    /// If nobody has, or the table cannot be read.
    pub(super) async fn caller(&self, text: &str) -> Result<Caller, Refused> {
        let key = ApiKey::parse(text).ok_or(Refused::Invalid("the API key is mistyped or cut off"))?;
        let asked_at = Instant::now();
        let known = self.cache.lock().get(key.id(), asked_at);
        let stored = match known {
            Known::Key(stored) => *stored,
            Known::Nothing => return Err(NO_SUCH_KEY),
            Known::NotNow => return Err(Refused::Unavailable("too many unknown API keys are being looked up")),
            Known::Unread => {
                let read = self.table.api_key(key.id()).await.map_err(Refused::Store)?;
                // As of when it was asked for: what was revoked since must not live longer.
                self.cache.lock().put(key.id(), read.clone(), asked_at);
                read.ok_or(NO_SUCH_KEY)?
            }
        };
        let StoredKey { hash, tenant, name, roles, .. } = stored;
        if hash.is_of(&key) { Ok(Caller::new(tenant, &name, roles)) } else { Err(NO_SUCH_KEY) }
    }
}
