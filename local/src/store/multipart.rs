//! Stored multipart uploads, until they are completed or aborted.

use bytes::Bytes;
use rusqlite::{Connection, OptionalExtension, params};

use super::column::{integer, json, parsed};
use super::error::StoreError;
use super::objects::{Head, Tags};
use crate::clock::Millis;

/// An upload that was begun.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) id: String,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) started: Millis,
    pub(crate) storage_class: String,
    pub(crate) head: Head,
    pub(crate) tags: Tags,
}

/// A part but for its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) number: i32,
    pub(crate) etag: String,
    pub(crate) size: i64,
    pub(crate) modified: Millis,
}

/// Begins an upload.
pub(crate) fn insert(connection: &Connection, upload: &Upload) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO uploads (id, bucket, key, started_ms, storage_class, head, tags) VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            upload.id,
            upload.bucket,
            upload.key,
            upload.started,
            upload.storage_class,
            json(&upload.head),
            json(&upload.tags)
        ])
        .map(drop)
}

/// The upload of that id, if it is for that bucket and key.
pub(crate) fn find(connection: &Connection, id: &str, bucket: &str, key: &str) -> Result<Option<Upload>, StoreError> {
    connection
        .prepare_cached("SELECT id, bucket, key, started_ms, storage_class, head, tags FROM uploads WHERE id = ? AND bucket = ? AND key = ?")?
        .query_row([id, bucket, key], |row| {
            Ok(Upload {
                id: row.get(0)?,
                bucket: row.get(1)?,
                key: row.get(2)?,
                started: row.get(3)?,
                storage_class: row.get(4)?,
                head: parsed(row, 5)?,
                tags: parsed(row, 6)?,
            })
        })
        .optional()
}

/// Stores a part over an earlier one of its number.
pub(crate) fn put_part(connection: &Connection, upload: &str, part: &Part, body: &Bytes) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO parts (upload, number, etag, size, modified_ms, body) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT (upload, number) DO UPDATE SET etag = excluded.etag, size = excluded.size,
                 modified_ms = excluded.modified_ms, body = excluded.body",
        )?
        .execute(params![upload, part.number, part.etag, integer(body.len()), part.modified, &body[..]])
        .map(drop)
}

/// All parts in order.
pub(crate) fn parts(connection: &Connection, upload: &str) -> Result<Vec<Part>, StoreError> {
    connection
        .prepare_cached("SELECT number, etag, size, modified_ms FROM parts WHERE upload = ? ORDER BY number")?
        .query_map([upload], |row| {
            Ok(Part { number: row.get(0)?, etag: row.get(1)?, size: row.get(2)?, modified: row.get(3)? })
        })?
        .collect()
}

/// Appends a part's body to `whole`.
pub(crate) fn append_part(
    connection: &Connection,
    upload: &str,
    number: i32,
    whole: &mut Vec<u8>,
) -> Result<(), StoreError> {
    connection.prepare_cached("SELECT body FROM parts WHERE upload = ? AND number = ?")?.query_row(
        params![upload, number],
        |row| {
            whole.extend_from_slice(row.get_ref(0)?.as_blob()?);
            Ok(())
        },
    )
}

/// Forgets an upload and its parts.
pub(crate) fn delete(connection: &Connection, id: &str) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM uploads WHERE id = ?")?.execute([id]).map(drop)
}

/// The uploads to a bucket that were begun before `before`: id and key.
pub(crate) fn begun_before(
    connection: &Connection,
    bucket: &str,
    before: Millis,
) -> Result<Vec<(String, String)>, StoreError> {
    connection
        .prepare_cached("SELECT id, key FROM uploads WHERE bucket = ? AND started_ms < ?")?
        .query_map(params![bucket, before], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}
