//! One SQLite database for everything but DynamoDB: buckets, objects, queues, messages and
//! sessions.
//!
//! **One connection under an async mutex, called directly.** A statement takes 5 to 50
//! microseconds, less than switching to another thread and back on two cores, so the runtime's own
//! threads run it; the mutex is tokio's, so a task that waits for it yields instead of blocking its
//! thread. Work that copies large bodies runs on a blocking thread, by [`Store::write_large`].
//! Checkpoints, which wait for the disk, run on a connection of their own ([`Store::checkpoint`]),
//! never inside a request.
//!
//! **Durability.** In WAL mode with `synchronous=NORMAL` a commit has been written to the operating
//! system before it is acknowledged, and survives a kill of the process. Only a power cut could
//! lose the last commits, and would not corrupt the file: enough for a stack that promises to
//! survive `kill -9`, without an fsync per request.

pub(crate) mod buckets;
mod column;
mod error;
pub(crate) mod messages;
pub(crate) mod moves;
pub(crate) mod multipart;
pub(crate) mod objects;
pub(crate) mod queues;
mod schema;
pub(crate) mod sessions;
pub(crate) mod tenants;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::Mutex;

pub(crate) use self::column::integer;
pub use self::error::DataError;
pub(crate) use self::error::StoreError;
use crate::data_directory;

/// By these files a data directory is known.
const OWN_FILES: [&str; 2] = ["stack.sqlite", "secrets.json"];

/// How much of a database without a directory stays in memory, in KiB.
const MEMORY_KIB: i64 = 64 * 1024;

/// Prepared statements in the cache: more than the stack has.
const PREPARED_STATEMENTS: usize = 128;

/// The open database.
pub(crate) struct Store {
    connection: Arc<Mutex<Connection>>,
    /// The file, and the lock against other processes; `None` in memory.
    file: Option<(PathBuf, File)>,
}

impl Store {
    /// Opens the database in `data`, or a fresh one in memory, of which SQLite moves what is more
    /// than [`MEMORY_KIB`] into a temporary file.
    pub(crate) fn open(data: Option<&Path>) -> Result<Self, DataError> {
        let Some(directory) = data else {
            return Ok(Self { connection: share(prepare(open_temporary()?, Path::new(":memory:"))?), file: None });
        };
        let io = |source| DataError::Io { path: directory.to_owned(), source };
        let path = directory.join("stack.sqlite");
        data_directory::prepare(directory, &OWN_FILES).map_err(io)?;
        data_directory::private_file(&directory.join("lock")).map_err(io)?;
        let lock = File::create(directory.join("lock")).map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DataError::InUse(directory.to_owned())),
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        data_directory::private_database(&path).map_err(io)?;
        let connection = Connection::open(&path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        // Checkpoints run by timer: see `checkpoint`.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        Ok(Self { connection: share(prepare(connection, directory)?), file: Some((path, lock)) })
    }

    /// Runs one or more reads, or a single write.
    pub(crate) async fn run<T>(&self, work: impl FnOnce(&Connection) -> T) -> T {
        work(&*self.connection.lock().await)
    }

    /// Runs `work` as one transaction, which is rolled back when it fails: conditional writes rely
    /// on it.
    pub(crate) async fn write<T, E: From<StoreError>>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        transact(&mut *self.connection.lock().await, work)
    }

    /// [`write`](Self::write) on a blocking thread, for bodies whose copying alone takes
    /// milliseconds; also for reading such.
    pub(crate) async fn write_large<T, E>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let mut connection = Arc::clone(&self.connection).lock_owned().await;
        match tokio::task::spawn_blocking(move || transact(&mut connection, work)).await {
            Ok(done) => done,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Only a runtime that is being torn down cancels blocking work.
                Err(_) => Err(StoreError::InvalidQuery.into()),
            },
        }
    }

    /// Moves the write-ahead log into the database file.
    pub(crate) fn checkpoint(&self) -> Result<(), StoreError> {
        match &self.file {
            Some((path, _)) => checkpoint(path),
            None => Ok(()),
        }
    }
}

/// Moves the write-ahead log of a database into its file, over a connection of its own. Passive: no
/// reader or writer waits for it.
pub(crate) fn checkpoint(database: &Path) -> Result<(), StoreError> {
    Connection::open(database)?.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// A private database that ends with its connection. Its file has no name, and is there only when
/// the cache is full (<https://sqlite.org/inmemorydb.html>, "Temporary Databases").
fn open_temporary() -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open("")?;
    connection.pragma_update(None, "cache_size", -MEMORY_KIB)?;
    connection.pragma_update(None, "journal_mode", "MEMORY")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    Ok(connection)
}

fn share(connection: Connection) -> Arc<Mutex<Connection>> {
    Arc::new(Mutex::new(connection))
}

fn prepare(connection: Connection, directory: &Path) -> Result<Connection, DataError> {
    connection.set_prepared_statement_cache_capacity(PREPARED_STATEMENTS);
    schema::migrate(&connection, directory)?;
    Ok(connection)
}

fn transact<T, E: From<StoreError>>(
    connection: &mut Connection,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = work(&transaction)?;
    transaction.commit()?;
    Ok(done)
}
