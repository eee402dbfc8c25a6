//! Stored objects.

use std::collections::BTreeMap;

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, Row, params};
use s3s::dto::Timestamp;
use serde::{Deserialize, Serialize};

use super::column::{integer, json, parsed};
use super::error::StoreError;
use crate::clock::Millis;

/// The headers of an object, as the client sent them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Head {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache_control: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<Timestamp>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
    /// Base64, by algorithm (`"crc32"`, …), of the checksums that the client sent.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) checksums: BTreeMap<String, String>,
    /// The number of parts, for an object that was uploaded in parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) parts: Option<i32>,
}

/// Tags in the order they were sent.
pub(crate) type Tags = Vec<(String, String)>;

/// An object without its body.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) id: i64,
    pub(crate) key: String,
    pub(crate) etag: String,
    pub(crate) size: i64,
    pub(crate) modified: Millis,
    pub(crate) storage_class: String,
    pub(crate) head: Head,
    pub(crate) tags: Tags,
}

/// An object to be stored.
#[derive(Clone, Debug)]
pub(crate) struct NewObject {
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) etag: String,
    pub(crate) modified: Millis,
    pub(crate) storage_class: String,
    pub(crate) head: Head,
    pub(crate) tags: Tags,
    pub(crate) body: Bytes,
}

const COLUMNS: &str = "id, key, etag, size, modified_ms, storage_class, head, tags";

/// The object under a key.
pub(crate) fn find(connection: &Connection, bucket: &str, key: &str) -> Result<Option<Object>, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM objects WHERE bucket = ? AND key = ?"))?
        .query_row([bucket, key], read)
        .optional()
}

/// A range of an object's body.
pub(crate) fn body(connection: &Connection, id: i64, from: i64, length: i64) -> Result<Vec<u8>, StoreError> {
    connection
        .prepare_cached("SELECT substr(body, ?, ?) FROM objects WHERE id = ?")?
        .query_row([from + 1, length, id], |row| row.get(0))
}

/// Stores an object, in place of the current one of its key.
pub(crate) fn put(connection: &Connection, object: &NewObject) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO objects (bucket, key, etag, size, modified_ms, storage_class, head, tags, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (bucket, key) DO UPDATE SET etag = excluded.etag, size = excluded.size, modified_ms = excluded.modified_ms,
                 storage_class = excluded.storage_class, head = excluded.head, tags = excluded.tags, body = excluded.body",
        )?
        .execute(params![
            object.bucket,
            object.key,
            object.etag,
            integer(object.body.len()),
            object.modified,
            object.storage_class,
            json(&object.head),
            json(&object.tags),
            &object.body[..],
        ])
        .map(drop)
}

/// Deletes an object; `false` when there was none.
pub(crate) fn delete(connection: &Connection, bucket: &str, key: &str) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached("DELETE FROM objects WHERE bucket = ? AND key = ?")?.execute([bucket, key])? == 1)
}

/// At most `limit` objects in key order, from `from` on (itself included), with no regard to any
/// prefix.
pub(crate) fn page(connection: &Connection, bucket: &str, from: &str, limit: usize) -> Result<Vec<Object>, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM objects WHERE bucket = ? AND key >= ? ORDER BY key LIMIT ?"))?
        .query_map(params![bucket, from, integer(limit)], read)?
        .collect()
}

/// Replaces an object's tags; `false` when there is none.
pub(crate) fn set_tags(connection: &Connection, bucket: &str, key: &str, tags: &Tags) -> Result<bool, StoreError> {
    let changed = connection
        .prepare_cached("UPDATE objects SET tags = ? WHERE bucket = ? AND key = ?")?
        .execute(params![json(tags), bucket, key])?;
    Ok(changed == 1)
}

/// Moves an object to another storage class.
pub(crate) fn set_storage_class(connection: &Connection, id: i64, class: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE objects SET storage_class = ? WHERE id = ?")?
        .execute(params![class, id])
        .map(drop)
}

fn read(row: &Row<'_>) -> Result<Object, StoreError> {
    Ok(Object {
        id: row.get(0)?,
        key: row.get(1)?,
        etag: row.get(2)?,
        size: row.get(3)?,
        modified: row.get(4)?,
        storage_class: row.get(5)?,
        head: parsed(row, 6)?,
        tags: parsed(row, 7)?,
    })
}
