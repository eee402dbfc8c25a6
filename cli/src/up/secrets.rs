//! The keys of the stack and the secret of order tokens: made once, and kept in the data directory
//! if there is one.

use std::{fmt, fs, io, io::Write, os::unix::fs::DirBuilderExt as _, path::Path};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The file in the data directory.
const FILE: &str = "secrets.json";

/// The secrets of one stack.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Secrets {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) token_secret: String,
}

impl Secrets {
    /// New secrets. A UUID has 122 random bits from the system's generator; each secret is made of
    /// two.
    pub(super) fn fresh() -> Self {
        let secret = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let id = Uuid::new_v4().simple().to_string().to_uppercase();
        Self { access_key_id: format!("LOCAL{}", &id[..15]), secret_access_key: secret(), token_secret: secret() }
    }

    /// The secrets of a data directory, made now if there are none.
    ///
    /// # Errors
    /// If the directory or the file cannot be used.
    pub(super) fn kept_in(directory: &Path) -> Result<Self, String> {
        let path = directory.join(FILE);
        let cannot = |what: &str, e: &dyn fmt::Display| format!("cannot {what} {}: {e}", path.display());
        make_private(directory).map_err(|e| cannot("make the directory of", &e))?;
        if !path.try_exists().map_err(|e| cannot("find", &e))? {
            Self::fresh().store(directory, &path).map_err(|e| cannot("write", &e))?;
        }
        let text = fs::read_to_string(&path).map_err(|e| cannot("read", &e))?;
        // Not the parser's message, which may quote the file.
        serde_json::from_str(&text).map_err(|e| {
            let place = format!("line {}, column {}", e.line(), e.column());
            cannot("parse", &format!("it was changed or damaged ({place}); restore it, or use another directory"))
        })
    }

    /// The secret that signs webhooks. Derived from the secret of tokens, so that older data
    /// directories need no new one.
    pub(super) fn webhook_secret(&self) -> String {
        format!("whsec_{}", STANDARD.encode(Sha256::digest(format!("webhooks {}", self.token_secret))))
    }

    /// The secret between api and workers, derived likewise.
    pub(super) fn internal_secret(&self) -> String {
        STANDARD.encode(Sha256::digest(format!("internal {}", self.token_secret)))
    }

    /// Writes the file whole or not at all, and never over one that another process has just
    /// written.
    fn store(&self, directory: &Path, path: &Path) -> io::Result<()> {
        // The mode of a temporary file is 0600: it is for its owner alone.
        let mut file = tempfile::Builder::new().prefix(".secrets-").tempfile_in(directory)?;
        file.write_all(serde_json::to_string_pretty(self)?.as_bytes())?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => Ok(()),
            Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(e) => Err(e.error),
        }
    }
}

/// Makes a directory that is for its owner alone, unless there is one.
fn make_private(directory: &Path) -> io::Result<()> {
    if directory.exists() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use offload_domain::token::TokenKeys;

    use super::*;

    #[test]
    fn secrets_are_made_once_and_only_the_owner_can_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("a/b");
        let first = Secrets::kept_in(&directory).unwrap();
        assert_eq!(Secrets::kept_in(&directory).unwrap(), first);
        let mode = fs::metadata(directory.join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn fresh_secrets_differ_and_are_long_enough() {
        let (a, b) = (Secrets::fresh(), Secrets::fresh());
        assert!(a.access_key_id != b.access_key_id && a.token_secret != b.token_secret);
        assert!(TokenKeys::parse(&a.token_secret).is_ok());
        assert!(!format!("{a:?}").contains(&a.secret_access_key));
    }

    #[test]
    fn a_damaged_file_is_an_error_and_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "{\"token_secret\": \"hidden\"").unwrap();
        let e = Secrets::kept_in(folder.path()).unwrap_err();
        assert!(e.contains("secrets.json") && !e.contains("hidden"), "{e}");
        assert!(folder.path().join(FILE).exists());
    }
}
