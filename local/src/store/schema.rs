//! The tables, and the migration of older data directories.

use std::path::Path;

use rusqlite::Connection;

use super::column::integer;
use super::error::DataError;

/// The scripts from each version to the next; the version is their count.
const MIGRATIONS: [&str; 3] = [VERSION_1, VERSION_2, VERSION_3];

const VERSION_1: &str = "
CREATE TABLE buckets (
    name TEXT PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    cors TEXT,
    lifecycle TEXT,
    policy TEXT
) WITHOUT ROWID;

CREATE TABLE objects (
    id INTEGER PRIMARY KEY,
    bucket TEXT NOT NULL REFERENCES buckets (name),
    key TEXT NOT NULL,
    etag TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    storage_class TEXT NOT NULL,
    head TEXT NOT NULL,
    tags TEXT NOT NULL,
    body BLOB NOT NULL, -- last, so that reading the rest does not touch its pages
    UNIQUE (bucket, key)
);

CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    bucket TEXT NOT NULL REFERENCES buckets (name),
    key TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    storage_class TEXT NOT NULL,
    head TEXT NOT NULL,
    tags TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE parts (
    upload TEXT NOT NULL REFERENCES uploads (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    etag TEXT NOT NULL,
    size INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    body BLOB NOT NULL,
    PRIMARY KEY (upload, number)
);

CREATE TABLE queues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    settings TEXT NOT NULL,
    tags TEXT NOT NULL,
    purged_ms INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
    message_id TEXT NOT NULL,
    sender TEXT NOT NULL,
    sent_ms INTEGER NOT NULL,
    visible_ms INTEGER NOT NULL,
    receives INTEGER NOT NULL DEFAULT 0,
    receipt INTEGER NOT NULL DEFAULT 0, -- changes at each receive; 0 before the first
    first_received_ms INTEGER NOT NULL DEFAULT 0,
    received_ms INTEGER NOT NULL DEFAULT 0,
    source TEXT, -- ARN of the queue that it was dead-lettered from
    attributes TEXT,
    trace_header TEXT,
    body TEXT NOT NULL
);
-- Received in this order; and the counts are read from the index alone.
CREATE INDEX messages_by_visibility ON messages (queue, visible_ms, id, receives);
CREATE INDEX messages_by_age ON messages (queue, sent_ms);

CREATE TABLE move_tasks (
    handle TEXT PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES queues (id) ON DELETE CASCADE,
    destination INTEGER,
    started_ms INTEGER NOT NULL,
    status TEXT NOT NULL,
    per_second INTEGER,
    moved INTEGER NOT NULL DEFAULT 0,
    to_move INTEGER NOT NULL,
    failure TEXT
) WITHOUT ROWID;

CREATE TABLE sessions (
    access_key_id TEXT PRIMARY KEY,
    secret TEXT NOT NULL,
    token TEXT NOT NULL,
    arn TEXT NOT NULL,
    role_id TEXT NOT NULL,
    policy TEXT,
    expires_ms INTEGER NOT NULL
) WITHOUT ROWID;
";

/// The `MessageGroupId` of a message, empty without one. The index gives the groups of a queue, and
/// what of each is visible or in flight, without reading the messages between.
const VERSION_2: &str = "
ALTER TABLE messages ADD COLUMN tenant TEXT NOT NULL DEFAULT '';
CREATE INDEX messages_by_tenant ON messages (queue, tenant, visible_ms, id, receives);
";

/// What is in flight, apart from what is delayed: both are invisible, and thousands may be delayed.
const VERSION_3: &str = "
CREATE INDEX messages_in_flight ON messages (queue, tenant, visible_ms) WHERE receives > 0;
";

/// Migrates the database to the current version, each step in a transaction of its own.
pub(super) fn migrate(connection: &Connection, directory: &Path) -> Result<(), DataError> {
    connection.pragma_update(None, "foreign_keys", true)?;
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = integer(MIGRATIONS.len());
    if found > known {
        return Err(DataError::Newer { path: directory.to_owned(), found, known });
    }
    for (version, script) in (1i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        connection.execute_batch(&format!("BEGIN;\n{script}\nPRAGMA user_version = {version};\nCOMMIT;"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_an_older_version_are_kept_and_have_no_tenant() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&format!("{VERSION_1} PRAGMA user_version = 1;")).unwrap();
        let rows = "INSERT INTO queues (id, name, created_ms, modified_ms, settings, tags) VALUES (1, 'q', 0, 0, '', '');
            INSERT INTO messages (queue, message_id, sender, sent_ms, visible_ms, body) VALUES (1, 'm', 's', 0, 0, 'b');";
        connection.execute_batch(rows).unwrap();
        migrate(&connection, Path::new("d")).unwrap();
        let tenant: String = connection.query_row("SELECT tenant FROM messages", [], |row| row.get(0)).unwrap();
        assert_eq!(tenant, "");
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, Path::new("d")).unwrap();
        migrate(&connection, Path::new("d")).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(migrate(&connection, Path::new("d")), Err(DataError::Newer { found: 99, .. })));
    }
}
