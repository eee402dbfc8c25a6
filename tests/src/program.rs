//! The real programs.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::PathBuf,
    process,
    sync::atomic::{AtomicU32, Ordering},
};

/// Arguments of `offload up` that have each of its parts listen on a port that is free.
pub const ANYWHERE: [&str; 8] =
    ["--api", "127.0.0.1:0", "--s3", "127.0.0.1:0", "--sqs", "127.0.0.1:0", "--dynamodb", "127.0.0.1:0"];

/// A port for a program that cannot say which one it took, or must have the same one after a
/// restart. It is below those that the system gives away by itself: to port 0, and to connections.
#[must_use]
pub fn quiet_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    const PORTS: std::ops::Range<u32> = 12_000..32_000;
    loop {
        // Processes of tests that run at once begin at places of their own.
        let next = process::id().wrapping_mul(251).wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + next % (PORTS.end - PORTS.start);
        let port = u16::try_from(port).unwrap_or_default();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}

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
