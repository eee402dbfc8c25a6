//! The real programs.

use std::path::PathBuf;

/// Arguments of `offload up` that have each of its parts listen on a port that is free.
pub const ANYWHERE: [&str; 8] =
    ["--api", "127.0.0.1:0", "--s3", "127.0.0.1:0", "--sqs", "127.0.0.1:0", "--dynamodb", "127.0.0.1:0"];

/// A program of the workspace, built with the tests. It is beside the caller, or beside the folder
/// of the test executables. `OFFLOAD_TEST_PROGRAMS` names another folder, for programs of another
/// profile.
///
/// # Panics
/// If it is not there: `cargo test --workspace` builds it, `cargo test -p offload-tests` alone does
/// not.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    if let Some(folder) = std::env::var_os("OFFLOAD_TEST_PROGRAMS") {
        return PathBuf::from(folder).join(name);
    }
    let own = std::env::current_exe().expect("the caller's own path");
    let mut folder = own.parent().expect("a folder");
    if folder.ends_with("deps") {
        folder = folder.parent().expect("a target folder");
    }
    let path = folder.join(name);
    assert!(path.exists(), "{} is not built: run cargo build --workspace --bins first", path.display());
    path
}
