//! The data directory: for its owner alone. It holds orders, results and keys.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// What `SQLite` keeps beside a database. A new one gets the mode of the database; an older version
/// of this program may have left others.
const BESIDE_A_DATABASE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Makes the directory, or closes one that is in use already. One with other things in it keeps its
/// mode: it may have been made for more than this.
pub(crate) fn prepare(directory: &Path, own: &[&str]) -> io::Result<()> {
    if !directory.exists() {
        return DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory);
    }
    let empty = fs::read_dir(directory)?.next().is_none();
    if empty || own.iter().any(|file| directory.join(file).exists()) {
        fs::set_permissions(directory, Permissions::from_mode(DIRECTORY_MODE))?;
    }
    Ok(())
}

/// Makes an empty file that only its owner can read, or closes the one that is there. `SQLite`
/// takes an empty file for a new database.
pub(crate) fn private_file(path: &Path) -> io::Result<()> {
    // Never truncated: it may be a database.
    OpenOptions::new().append(true).create(true).mode(FILE_MODE).open(path)?;
    fs::set_permissions(path, Permissions::from_mode(FILE_MODE))
}

/// The same for a database, and for what is beside it.
pub(crate) fn private_database(path: &Path) -> io::Result<()> {
    private_file(path)?;
    for suffix in BESIDE_A_DATABASE {
        let mut beside = path.as_os_str().to_owned();
        beside.push(suffix);
        let beside = PathBuf::from(beside);
        if beside.exists() {
            fs::set_permissions(beside, Permissions::from_mode(FILE_MODE))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn only_its_owner_reads_the_data() {
        let parent = std::env::temp_dir().join(format!("offload-local-{}", uuid::Uuid::new_v4()));
        let directory = parent.join("data");
        prepare(&directory, &["x.sqlite"]).unwrap();
        assert_eq!(mode(&directory), 0o700);
        let database = directory.join("x.sqlite");
        for name in ["x.sqlite", "x.sqlite-wal"] {
            fs::write(directory.join(name), "kept").unwrap();
            fs::set_permissions(directory.join(name), Permissions::from_mode(0o644)).unwrap();
        }
        fs::set_permissions(&directory, Permissions::from_mode(0o755)).unwrap();
        prepare(&directory, &["x.sqlite"]).unwrap();
        private_database(&database).unwrap();
        assert_eq!((mode(&directory), mode(&database), mode(&directory.join("x.sqlite-wal"))), (0o700, 0o600, 0o600));
        assert_eq!(fs::read_to_string(&database).unwrap(), "kept");
        private_file(&directory.join("new")).unwrap();
        assert_eq!(mode(&directory.join("new")), 0o600);
        // A directory with other things in it was made by somebody else.
        fs::set_permissions(&parent, Permissions::from_mode(0o755)).unwrap();
        prepare(&parent, &["x.sqlite"]).unwrap();
        assert_eq!(mode(&parent), 0o755);
        fs::remove_dir_all(parent).unwrap();
    }
}
