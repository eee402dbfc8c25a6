//! Errors of the store.

use std::path::PathBuf;

/// A data directory that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The directory or a file in it cannot be created or read.
    #[error("cannot use the data directory {}: {source}", path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// Another process uses it.
    #[error("the data directory {} is in use by another process; stop that one or choose another directory", .0.display())]
    InUse(PathBuf),
    /// It was written by a later version.
    #[error("the data directory {} was written by a newer version (schema {found}, this version knows {known}); use that version or another directory", path.display())]
    Newer {
        /// The directory.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// SQLite cannot open it.
    #[error("cannot open the stack's database: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// The database failed in the middle of a request: a full disk, or a bug. The response is the
/// service's internal error.
pub(crate) type StoreError = rusqlite::Error;
