//! The real programs.

use std::path::PathBuf;

/// A program of the workspace, built with the tests: it lies beside the folder that test executables lie in.
///
/// # Panics
/// If it is not there: `cargo test --workspace` builds it, `cargo test -p offload-tests` alone does not.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.parent().and_then(|deps| deps.parent()).expect("a target folder");
    let path = folder.join(name);
    assert!(path.exists(), "{} is not built: run cargo build --workspace first", path.display());
    path
}
