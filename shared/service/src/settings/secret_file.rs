//! Secrets from files: a file is in no environment, no list of processes and no core dump.

use std::{
    fs::{File, Metadata},
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
};

use offload_domain::json::text_without_mark;

/// The longest file. The longest secret is several keys of 64 bytes.
const MAX_BYTES: u64 = 64 * 1024;

/// Anybody may read it.
const READABLE_BY_ALL: u32 = 0o004;
/// Others than its owner may write it.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// What a file contains, and what is wrong with its mode, if something is.
#[derive(Debug)]
pub(super) struct SecretFile {
    pub(super) text: String,
    pub(super) warning: Option<String>,
}

/// Reads a secret: the text of the file without the line end behind it.
///
/// # Errors
/// The end of a sentence that begins with `OFFLOAD_…_FILE is "…", which`; nothing of the text.
pub(super) fn read(path: &str) -> Result<SecretFile, String> {
    let unreadable = |e: std::io::Error| format!("cannot be read: {e}");
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err("is a directory".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(format!("is longer than {} KiB", MAX_BYTES / 1024));
    }
    let text = String::from_utf8(bytes).map_err(|_| "is not text in UTF-8".to_owned())?;
    let text = text_without_mark(&text).trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    Ok(SecretFile { text: text.to_owned(), warning: warning(path, &metadata) })
}

fn warning(path: &str, metadata: &Metadata) -> Option<String> {
    // A pipe, such as one of a shell's `<(…)`, has no mode that matters.
    let mode = if metadata.is_file() { metadata.permissions().mode() } else { 0 };
    let who = match mode {
        mode if mode & WRITABLE_BY_OTHERS != 0 => "write",
        mode if mode & READABLE_BY_ALL != 0 => "read",
        _ => return None,
    };
    Some(format!("others may {who} the secret in {path} (mode {:03o}): chmod 600 it", mode & 0o777))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    #[test]
    fn a_file_gives_its_text_and_a_warning_if_others_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let path = path.to_str().unwrap();
        for (content, mode, text, warned) in [
            ("a secret\n", 0o600, Ok("a secret"), None),
            ("a secret\r\n\n", 0o440, Ok("a secret"), None),
            (" a \n b ", 0o644, Ok(" a \n b "), Some("read")),
            ("a", 0o620, Ok("a"), Some("write")),
            ("\n", 0o600, Err("is empty"), None),
            ("", 0o600, Err("is empty"), None),
            (&"a".repeat(65_537), 0o600, Err("is longer than 64 KiB"), None),
        ] {
            fs::write(path, content).unwrap();
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            let file = read(path);
            let warning = file.as_ref().ok().and_then(|file| file.warning.clone());
            assert_eq!(file.map(|file| file.text), text.map(str::to_owned).map_err(str::to_owned));
            assert_eq!(warning.is_some(), warned.is_some(), "{mode:o}");
            assert!(warning.is_none_or(|w| w.contains(warned.unwrap_or_default()) && w.contains(path)));
        }
        fs::write(path, [0xff]).unwrap();
        assert_eq!(read(path).unwrap_err(), "is not text in UTF-8");
        assert!(read("/no/such/file").unwrap_err().contains("cannot be read"));
        assert_eq!(read(folder.path().to_str().unwrap()).unwrap_err(), "is a directory");
    }
}
