//! Standard output and standard error, either of which its reader may close.

use std::{
    io::{ErrorKind, IsTerminal, Write, stderr, stdout},
    path::Path,
};

use offload_domain::printable::{printable, printable_json};

use crate::{failure::Failure, paint::Paint};

/// Writes a result to standard output, with a line end if it has none. Text of others in it steers
/// no terminal.
///
/// # Errors
/// [`Failure::Closed`] if its reader has closed it.
pub(crate) fn result(text: &str) -> Result<(), Failure> {
    write_out(&lines(text))
}

/// Writes a result that is JSON, with its value as it is.
///
/// # Errors
/// [`Failure::Closed`] if its reader has closed it.
pub(crate) fn json(text: &str) -> Result<(), Failure> {
    write_out(&printable_json(text))
}

/// Writes what this program made itself to standard output, as it is.
///
/// # Errors
/// [`Failure::Closed`] if its reader has closed it.
pub(crate) fn verbatim(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|e| unwritten(&e))
}

fn write_out(text: &str) -> Result<(), Failure> {
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
    drop(writeln!(stderr(), "{}", lines(text)));
}

/// The text with nothing that steers a terminal but line ends and the colours of [`Paint`]. Every
/// text passes here last, so that one which nobody thought of does no harm either.
fn lines(text: &str) -> String {
    let plain = |text: &str| text.split('\n').map(printable).collect::<Vec<_>>().join("\n");
    let (mut lines, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find('\x1b') {
        lines += &plain(&rest[..at]);
        let code = Paint::codes().find(|code| rest[at..].starts_with(code.as_str()));
        lines += code.as_deref().unwrap_or(" ");
        rest = &rest[at + code.map_or(1, |code| code.len())..];
    }
    lines + &plain(rest)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_and_lines_are_all_that_reaches_a_terminal() {
        let own = format!("{}\n{}\n", Paint::new(true).red("failed"), Paint::new(true).bold("a"));
        assert_eq!(lines(&own), own);
        assert_eq!(lines("a\x1b]0;title\x07b\x1b[2J\u{9b}2J\rc\x1b"), "a ]0;title b [2J 2J c ");
        assert_eq!(lines("\x1b[8mhidden"), " [8mhidden");
    }
}
