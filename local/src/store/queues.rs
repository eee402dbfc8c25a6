//! Queues at rest, and the counts of their messages.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::column::{json, parsed};
use super::error::StoreError;
use crate::clock::Millis;
use crate::sqs::settings::Settings;

/// A queue.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) created: Millis,
    pub(crate) modified: Millis,
    pub(crate) settings: Settings,
    pub(crate) tags: BTreeMap<String, String>,
    /// When it was last purged; 0 for never.
    pub(crate) purged: Millis,
}

impl Queue {
    /// Messages sent before this are gone.
    pub(crate) fn retained_since(&self, now: Millis) -> Millis {
        now - i64::from(self.settings.retention_seconds) * 1000
    }
}

/// The numbers of messages of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) visible: i64,
    pub(crate) in_flight: i64,
    pub(crate) delayed: i64,
}

const COLUMNS: &str = "id, name, created_ms, modified_ms, settings, tags, purged_ms";

/// The queue of that name.
pub(crate) fn find(connection: &Connection, name: &str) -> Result<Option<Queue>, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM queues WHERE name = ?"))?
        .query_row([name], read)
        .optional()
}

/// Queues in the order of their names.
pub(crate) fn all(connection: &Connection) -> Result<Vec<Queue>, StoreError> {
    connection.prepare_cached(&format!("SELECT {COLUMNS} FROM queues ORDER BY name"))?.query_map([], read)?.collect()
}

/// Creates a queue.
pub(crate) fn insert(
    connection: &Connection,
    name: &str,
    settings: &Settings,
    tags: &BTreeMap<String, String>,
    now: Millis,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO queues (name, created_ms, modified_ms, settings, tags) VALUES (?, ?, ?, ?, ?)")?
        .execute(params![name, now, now, json(settings), json(tags)])
        .map(drop)
}

/// Changes a queue's settings.
pub(crate) fn configure(connection: &Connection, id: i64, settings: &Settings, now: Millis) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE queues SET settings = ?, modified_ms = ? WHERE id = ?")?
        .execute(params![json(settings), now, id])
        .map(drop)
}

/// Replaces a queue's tags.
pub(crate) fn set_tags(connection: &Connection, id: i64, tags: &BTreeMap<String, String>) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE queues SET tags = ? WHERE id = ?")?.execute(params![json(tags), id]).map(drop)
}

/// Deletes a queue with its messages.
pub(crate) fn delete(connection: &Connection, id: i64) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM queues WHERE id = ?")?.execute([id]).map(drop)
}

/// Deletes a queue's messages.
pub(crate) fn purge(connection: &Connection, id: i64, now: Millis) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM messages WHERE queue = ?")?.execute([id])?;
    connection.prepare_cached("UPDATE queues SET purged_ms = ? WHERE id = ?")?.execute([now, id]).map(drop)
}

/// Counts a queue's messages, from the index alone. The visible ones, which may be many, are a bare
/// range of it.
pub(crate) fn count(connection: &Connection, id: i64, now: Millis) -> Result<Counts, StoreError> {
    let visible = connection
        .prepare_cached("SELECT count(*) FROM messages WHERE queue = ? AND visible_ms <= ?")?
        .query_row([id, now], |row| row.get(0))?;
    connection
        .prepare_cached(
            "SELECT count(*) FILTER (WHERE receives > 0), count(*) FILTER (WHERE receives = 0)
             FROM messages WHERE queue = ? AND visible_ms > ?",
        )?
        .query_row([id, now], |row| Ok(Counts { visible, in_flight: row.get(0)?, delayed: row.get(1)? }))
}

fn read(row: &Row<'_>) -> Result<Queue, StoreError> {
    Ok(Queue {
        id: row.get(0)?,
        name: row.get(1)?,
        created: row.get(2)?,
        modified: row.get(3)?,
        settings: parsed(row, 4)?,
        tags: parsed(row, 5)?,
        purged: row.get(6)?,
    })
}
