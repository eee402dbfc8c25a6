//! What a program may use.

use std::time::Duration;

/// What a program may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest line on standard output, in bytes: 1 MiB.
    pub line_bytes: usize,
    /// The most bytes on standard output, progress lines left out: 16 MiB.
    pub output_bytes: usize,
    /// How much of the end of standard error is logged, in bytes: 2 KiB.
    pub stderr_bytes: usize,
    /// The time between SIGTERM and SIGKILL: 3 s.
    pub term_grace: Duration,
    /// How long after the program's end its children may hold its pipes open: 1 s.
    pub pipe_grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            line_bytes: 1024 * 1024,
            output_bytes: 16 * 1024 * 1024,
            stderr_bytes: 2 * 1024,
            term_grace: Duration::from_secs(3),
            pipe_grace: Duration::from_secs(1),
        }
    }
}
