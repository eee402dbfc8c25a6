//! The database behind DynamoDB: opening it, removing expired items, and checkpoints.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dynoxide::actions::GlobalSecondaryIndexDescription;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::types::{KeySchemaElement, KeyType};
use dynoxide::{Database, DynoxideError};

use super::subject::TableKeys;
use crate::clock::Clock;
use crate::data_directory;
use crate::wire::BoxError;

/// The database, shared by requests and timers.
#[derive(Clone)]
pub(crate) struct Items {
    database: Database,
    file: Option<Arc<PathBuf>>,
}

impl Items {
    /// Opens the database in `data`, or a new one in memory. Only the latter takes its time from
    /// `clock`: `dynoxide` does not accept a clock for a file.
    ///
    /// # Errors
    /// Why the file cannot be used, in words.
    pub(crate) fn open(data: Option<&Path>, clock: &Clock) -> Result<Self, String> {
        Self::try_open(data, clock).map_err(|e| e.to_string())
    }

    fn try_open(data: Option<&Path>, clock: &Clock) -> Result<Self, BoxError> {
        let Some(directory) = data else {
            let database = Database::memory_with_clock(Arc::new(clock.clone()))?;
            return Ok(Self { database, file: None });
        };
        let path = directory.join("dynamodb.sqlite");
        data_directory::private_database(&path)?;
        let database = Database::new(&path.to_string_lossy())?;
        // Despite its name this is also how to set `synchronous=NORMAL`: durable against `kill -9`,
        // and without an fsync in each write. See `store` for why that is enough.
        database.disable_bulk_loading()?;
        Ok(Self { database, file: Some(Arc::new(path)) })
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// The key attributes of a table and its indexes; `None` if there is no such table.
    pub(super) fn keys(&self, table: &str) -> Option<TableKeys> {
        let table = self.database.describe_table(DescribeTableRequest { table_name: table.to_owned() }).ok()?.table;
        let named = |schema: &[KeySchemaElement], kind: &KeyType| {
            schema.iter().find(|key| key.key_type == *kind).map(|key| key.attribute_name.clone())
        };
        let indexes = table.global_secondary_indexes.iter().flatten();
        let partition_of_index = |index: &GlobalSecondaryIndexDescription| {
            Some((index.index_name.clone(), named(&index.key_schema, &KeyType::HASH)?))
        };
        Some(TableKeys {
            partition: named(&table.key_schema, &KeyType::HASH)?,
            sort: named(&table.key_schema, &KeyType::RANGE),
            of_indexes: indexes.filter_map(partition_of_index).collect(),
        })
    }

    /// Deletes items whose time to live has passed. Reads every item of the tables that have a TTL
    /// attribute.
    pub(crate) fn sweep(&self) -> Result<usize, DynoxideError> {
        self.database.sweep_ttl()
    }

    /// Moves the write-ahead log into the database file, so that requests seldom have to.
    pub(crate) fn checkpoint(&self) -> Result<(), rusqlite::Error> {
        match &self.file {
            Some(path) => crate::store::checkpoint(path),
            None => Ok(()),
        }
    }
}

impl dynoxide::storage_backend::Clock for Clock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.now() / 1000).unwrap_or_default()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        chrono::DateTime::from_timestamp_millis(self.now()).map_or(0.0, |now| {
            let whole = u32::try_from(now.timestamp()).unwrap_or(u32::MAX);
            f64::from(whole) + f64::from(now.timestamp_subsec_millis()) / 1000.0
        })
    }
}
