//! The database behind DynamoDB: opening it, removing expired items, and checkpoints.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dynoxide::actions::GlobalSecondaryIndexDescription;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::types::{KeySchemaElement, KeyType};
use dynoxide::{Database, DynoxideError};
use parking_lot::Mutex;

use super::subject::TableKeys;
use crate::clock::Clock;
use crate::data_directory;
use crate::wire::BoxError;

/// The database, shared by requests and timers.
#[derive(Clone)]
pub(crate) struct Items {
    database: Database,
    file: Option<Arc<PathBuf>>,
    /// The keys of the tables that were asked for, since a description reads every item of its
    /// table to count them.
    keys: Arc<Mutex<HashMap<String, Arc<TableKeys>>>>,
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
            return Ok(Self { database, file: None, keys: Arc::default() });
        };
        let path = directory.join("dynamodb.sqlite");
        data_directory::private_database(&path)?;
        let database = Database::new(&path.to_string_lossy())?;
        // Despite its name this is also how to set `synchronous=NORMAL`: durable against `kill -9`,
        // and without an fsync in each write. See `store` for why that is enough.
        database.disable_bulk_loading()?;
        Ok(Self { database, file: Some(Arc::new(path)), keys: Arc::default() })
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    /// The key attributes of a table and its indexes; `None` if there is no such table.
    pub(super) fn keys(&self, table: &str) -> Option<Arc<TableKeys>> {
        // Held while the table is described: what was described before a change must not be kept
        // after it.
        let mut known = self.keys.lock();
        if let Some(keys) = known.get(table) {
            return Some(Arc::clone(keys));
        }
        let keys = Arc::new(self.described_keys(table)?);
        known.insert(table.to_owned(), Arc::clone(&keys));
        Some(keys)
    }

    /// Forgets the keys of all tables. To be called after a table was made, changed or deleted.
    pub(super) fn forget_keys(&self) {
        self.keys.lock().clear();
    }

    fn described_keys(&self, table: &str) -> Option<TableKeys> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dynamodb::operation;

    fn run(items: &Items, name: &str, body: &str) {
        let head = http::Request::builder().header("x-amz-target", format!("DynamoDB_20120810.{name}"));
        let (head, ()) = head.body(()).expect("a request").into_parts();
        operation::of(&head).expect("an operation").run(items, body).expect("it is done");
    }

    #[test]
    fn the_keys_of_a_table_are_read_once_and_again_after_a_change_of_it() {
        let items = Items::open(None, &Clock::default()).expect("a database in memory");
        let attribute = |name: &str| format!(r#"{{"AttributeName":"{name}","AttributeType":"S"}}"#);
        let key = |name: &str, kind: &str| format!(r#"{{"AttributeName":"{name}","KeyType":"{kind}"}}"#);
        let table = |partition: &str| {
            let (attribute, key) = (attribute(partition), key(partition, "HASH"));
            format!(
                r#"{{"TableName":"orders","BillingMode":"PAY_PER_REQUEST","AttributeDefinitions":[{attribute}],"KeySchema":[{key}]}}"#
            )
        };
        assert_eq!(items.keys("orders"), None);
        run(&items, "CreateTable", &table("pk"));
        let first = items.keys("orders").expect("a table");
        assert_eq!((first.partition.as_str(), &first.sort), ("pk", &None));
        run(&items, "PutItem", r#"{"TableName":"orders","Item":{"pk":{"S":"a"}}}"#);
        assert!(Arc::ptr_eq(&first, &items.keys("orders").expect("the table")), "no item is read again");

        let index = format!(
            r#"{{"TableName":"orders","AttributeDefinitions":[{}],"GlobalSecondaryIndexUpdates":[{{"Create":{{
                "IndexName":"due","KeySchema":[{}],"Projection":{{"ProjectionType":"ALL"}}}}}}]}}"#,
            attribute("due"),
            key("due", "HASH")
        );
        run(&items, "UpdateTable", &index);
        assert_eq!(items.keys("orders").expect("the table").of_indexes["due"], "due");
        run(&items, "DeleteTable", r#"{"TableName":"orders"}"#);
        assert_eq!(items.keys("orders"), None);
        run(&items, "CreateTable", &table("id"));
        assert_eq!(items.keys("orders").expect("the new table").partition, "id");
    }
}
