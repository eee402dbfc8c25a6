//! Buckets and their configurations at rest, as JSON.

use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::error::StoreError;
use crate::clock::Millis;

/// A bucket as it is stored.
pub(crate) struct BucketRow {
    pub(crate) name: String,
    pub(crate) created: Millis,
    pub(crate) cors: Option<String>,
    pub(crate) lifecycle: Option<String>,
    pub(crate) policy: Option<String>,
}

/// The configurations that a bucket may have.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Configuration {
    Cors,
    Lifecycle,
    Policy,
}

/// All buckets, by name.
pub(crate) fn load(connection: &Connection) -> Result<Vec<BucketRow>, StoreError> {
    connection
        .prepare("SELECT name, created_ms, cors, lifecycle, policy FROM buckets ORDER BY name")?
        .query_map([], |row| {
            Ok(BucketRow {
                name: row.get(0)?,
                created: row.get(1)?,
                cors: row.get(2)?,
                lifecycle: row.get(3)?,
                policy: row.get(4)?,
            })
        })?
        .collect()
}

/// Creates a bucket; `false` when it exists.
pub(crate) fn insert(connection: &Connection, name: &str, created: Millis) -> Result<bool, StoreError> {
    let added = connection
        .prepare_cached("INSERT INTO buckets (name, created_ms) VALUES (?, ?) ON CONFLICT DO NOTHING")?
        .execute(params![name, created])?;
    Ok(added == 1)
}

/// Deletes a bucket; `false` when it still has objects. As on S3, incomplete uploads do not matter.
pub(crate) fn delete(connection: &Connection, name: &str) -> Result<bool, StoreError> {
    let holds: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM objects WHERE bucket = ?)")?
        .query_row([name], |row| row.get(0))?;
    if holds {
        return Ok(false);
    }
    connection.prepare_cached("DELETE FROM uploads WHERE bucket = ?")?.execute([name])?;
    connection.prepare_cached("DELETE FROM buckets WHERE name = ?")?.execute([name])?;
    Ok(true)
}

/// Stores or removes a configuration.
pub(crate) fn configure(
    connection: &Connection,
    name: &str,
    which: Configuration,
    value: Option<&str>,
) -> Result<(), StoreError> {
    let column = match which {
        Configuration::Cors => "cors",
        Configuration::Lifecycle => "lifecycle",
        Configuration::Policy => "policy",
    };
    let value = value.map_or(Value::Null, |text| Value::Text(text.to_owned()));
    connection
        .prepare_cached(&format!("UPDATE buckets SET {column} = ? WHERE name = ?"))?
        .execute(params![value, name])
        .map(drop)
}
