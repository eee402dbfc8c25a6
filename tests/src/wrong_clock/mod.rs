//! Machines whose clock is wrong: real programs, in which the C library's wall clock is off. The
//! programs know nothing of it, and have no setting for it.

use std::{path::PathBuf, process::Command, sync::LazyLock};

use tempfile::TempDir;

/// The library that is preloaded, built once. The linker that built these tests builds it.
static SHIM: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let library = folder.path().join("wrong_clock.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/wrong_clock/shim.c");
    let built = Command::new("cc").args(["-O1", "-fPIC", "-shared", "-o"]).arg(&library).arg(source).status();
    assert!(built.expect("a C compiler").success(), "{source} cannot be compiled");
    (folder, library)
});

/// The environment of a program whose machine is so many seconds ahead of the true time, or behind
/// if negative.
///
/// # Panics
/// Without a C compiler.
#[must_use]
pub fn ahead_by(seconds: i64) -> [(String, String); 2] {
    let library = SHIM.1.to_str().expect("a path of this file is text").to_owned();
    [("LD_PRELOAD".to_owned(), library), ("WRONG_CLOCK_SECONDS".to_owned(), seconds.to_string())]
}
