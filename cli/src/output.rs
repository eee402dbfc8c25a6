//! Standard output and standard error, either of which its reader may close.

use std::{
    io::{ErrorKind, IsTerminal, Write, stderr, stdout},
    path::Path,
};

use crate::{failure::Failure, paint::Paint};

/// Writes a result to standard output, with a line end if it has none.
///
/// # Errors
/// [`Failure::Closed`] if its reader has closed it.
pub(crate) fn result(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let written =
        out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes())).and_then(|()| out.flush());
    written.map_err(|e| unwritten(&e))
}

/// What a failed write to standard output means.
pub(crate) fn unwritten(e: &std::io::Error) -> Failure {
    match e.kind() {
        ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::Refused(format!("cannot write to standard output: {e}")),
    }
}

/// Writes a message to standard error.
pub(crate) fn message(text: &str) {
    // Where standard error is closed there is no place left for an error.
    drop(writeln!(stderr(), "{text}"));
}

/// Colours for standard output.
pub(crate) fn result_paint() -> Paint {
    Paint::new(stdout().is_terminal() && colours_wanted())
}

/// Colours for standard error.
pub(crate) fn message_paint() -> Paint {
    Paint::new(stderr().is_terminal() && colours_wanted())
}

fn colours_wanted() -> bool {
    // https://no-color.org
    std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// How to call this program again: by its path, if it was called by one, as `cargo run` does.
pub(crate) fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    if Path::new(&called).components().count() > 1 {
        called.to_string_lossy().into_owned()
    } else {
        "offload".to_owned()
    }
}
