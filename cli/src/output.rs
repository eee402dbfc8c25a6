//! Standard output and standard error, either of which may be closed by whoever reads it.

use std::{
    io::{ErrorKind, IsTerminal, Write, stderr, stdout},
    path::Path,
};

use crate::{failure::Failure, render::Paint};

/// Writes a result to standard output, with a line end if it has none.
///
/// # Errors
/// [`Failure::Closed`] if nobody reads it any more.
pub(crate) fn result(text: &str) -> Result<(), Failure> {
    let mut out = stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    let written =
        out.write_all(text.as_bytes()).and_then(|()| out.write_all(end.as_bytes())).and_then(|()| out.flush());
    written.map_err(|e| match e.kind() {
        ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::Refused(format!("cannot write to standard output: {e}")),
    })
}

/// Tells people something.
pub(crate) fn say(text: &str) {
    // Nothing can be done, and nobody told, where standard error is closed.
    drop(writeln!(stderr(), "{text}"));
}

/// Colours for standard output.
pub(crate) fn result_paint() -> Paint {
    Paint::new(stdout().is_terminal() && colours_wanted())
}

/// Colours for standard error.
pub(crate) fn say_paint() -> Paint {
    Paint::new(stderr().is_terminal() && colours_wanted())
}

fn colours_wanted() -> bool {
    // https://no-color.org
    std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()) && std::env::var_os("TERM").is_none_or(|t| t != "dumb")
}

/// How to call this program once more: the path, if it was called by one, as `cargo run` does.
pub(crate) fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    if Path::new(&called).components().count() > 1 {
        called.to_string_lossy().into_owned()
    } else {
        "offload".to_owned()
    }
}
