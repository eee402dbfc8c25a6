//! Stored message move tasks, which redrive dead letters.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::StoreError;
use crate::clock::Millis;

/// `RUNNING`
pub(crate) const RUNNING: &str = "RUNNING";

/// A task.
#[derive(Clone, Debug)]
pub(crate) struct MoveTask {
    pub(crate) handle: String,
    pub(crate) source: i64,
    /// `None`: each message goes back to its source queue.
    pub(crate) destination: Option<i64>,
    pub(crate) started: Millis,
    pub(crate) status: String,
    pub(crate) per_second: Option<u32>,
    pub(crate) moved: i64,
    pub(crate) to_move: i64,
    pub(crate) failure: Option<String>,
}

const COLUMNS: &str = "handle, source, destination, started_ms, status, per_second, moved, to_move, failure";

/// Stores a new task.
pub(crate) fn insert(connection: &Connection, task: &MoveTask) -> Result<(), StoreError> {
    connection
        .prepare_cached(&format!("INSERT INTO move_tasks ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"))?
        .execute(params![
            task.handle,
            task.source,
            task.destination,
            task.started,
            task.status,
            task.per_second,
            task.moved,
            task.to_move,
            task.failure
        ])
        .map(drop)
}

/// The task of that handle.
pub(crate) fn find(connection: &Connection, handle: &str) -> Result<Option<MoveTask>, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM move_tasks WHERE handle = ?"))?
        .query_row([handle], read)
        .optional()
}

/// The latest tasks of a queue.
pub(crate) fn latest(connection: &Connection, source: i64, limit: u32) -> Result<Vec<MoveTask>, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM move_tasks WHERE source = ? ORDER BY started_ms DESC LIMIT ?"))?
        .query_map(params![source, limit], read)?
        .collect()
}

/// Tasks that were running when the process ended.
pub(crate) fn running(connection: &Connection) -> Result<Vec<MoveTask>, StoreError> {
    connection
        .prepare_cached(&format!("SELECT {COLUMNS} FROM move_tasks WHERE status = '{RUNNING}'"))?
        .query_map([], read)?
        .collect()
}

/// Stores the progress of a task.
pub(crate) fn update(
    connection: &Connection,
    handle: &str,
    status: &str,
    moved: i64,
    failure: Option<&str>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE move_tasks SET status = ?, moved = ?, failure = ? WHERE handle = ?")?
        .execute(params![status, moved, failure, handle])
        .map(drop)
}

fn read(row: &Row<'_>) -> Result<MoveTask, StoreError> {
    Ok(MoveTask {
        handle: row.get(0)?,
        source: row.get(1)?,
        destination: row.get(2)?,
        started: row.get(3)?,
        status: row.get(4)?,
        per_second: row.get(5)?,
        moved: row.get(6)?,
        to_move: row.get(7)?,
        failure: row.get(8)?,
    })
}
