//! The end of a program's standard error.

use std::fmt;

use offload_domain::printable::printable;

/// The last bytes of a stream, displayed as one line.
#[derive(Debug)]
pub(super) struct Tail {
    bytes: Vec<u8>,
    max: usize,
}

impl Tail {
    pub(super) fn new(max: usize) -> Self {
        Self { bytes: Vec::new(), max }
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(&chunk[chunk.len().saturating_sub(self.max)..]);
        self.bytes.drain(..self.bytes.len().saturating_sub(self.max));
    }
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(&self.bytes);
        for (i, line) in text.lines().map(str::trim_end).filter(|l| !l.is_empty()).enumerate() {
            // A log is often read on a terminal: no escape sequence of a program may reach it.
            write!(f, "{}{}", if i == 0 { "" } else { " | " }, printable(line))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_the_last_bytes_and_displays_one_line() {
        let mut tail = Tail::new(12);
        assert_eq!(tail.to_string(), "");
        tail.push(b"no longer there\n");
        tail.push(b"one\r\n\n\x1b[2J");
        assert_eq!(tail.to_string(), "e | one |  [2J");
        tail.push(&[b'x'; 1_000]);
        assert_eq!(tail.to_string(), "x".repeat(12));
    }
}
