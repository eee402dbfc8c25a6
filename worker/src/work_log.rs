//! What the work of one attempt writes: lines with the time at which they came, the first and the
//! last of them.
//!
//! Programs write whatever they like. So each line is made fit for a terminal, a long one is split,
//! and of many lines those in the middle are left out: what begins the trouble is at the start, and
//! what ended the work is at the end.

use std::{collections::VecDeque, fmt, sync::Arc};

use chrono::{DateTime, SecondsFormat, Utc};
use offload_domain::printable::printable;
use parking_lot::Mutex;

/// The longest line, in bytes. A longer one is split.
const LINE_MAX_BYTES: usize = 4 * 1024;

/// The log of an attempt's work. Clones share it.
#[derive(Clone, Default)]
pub struct WorkLog(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// The most bytes of lines, half of them for the first and half for the last ones.
    max: usize,
    first: String,
    last: VecDeque<String>,
    last_bytes: usize,
    left_out_lines: u64,
    left_out_bytes: usize,
}

impl WorkLog {
    /// A log that keeps so many bytes of lines; none with 0.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self(Arc::new(Mutex::new(Kept { max: max_bytes, ..Kept::default() })))
    }

    /// Adds a text that was written at `at`: each of its lines becomes one of the log.
    pub fn add(&self, at: DateTime<Utc>, text: &str) {
        let mut kept = self.0.lock();
        if kept.max == 0 {
            return;
        }
        let time = at.to_rfc3339_opts(SecondsFormat::Millis, true);
        for line in text.lines() {
            for part in parts(line) {
                kept.add(format!("{time} {}\n", printable(part).trim_end()));
            }
        }
    }

    /// The log so far; `None` if nothing was written.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        let kept = self.0.lock();
        let mut text = kept.first.clone();
        if kept.left_out_lines > 0 {
            let (lines, bytes) = (kept.left_out_lines, kept.left_out_bytes);
            text += &format!("[{lines} lines of {bytes} bytes are left out here]\n");
        }
        text.extend(kept.last.iter().map(String::as_str));
        (!text.is_empty()).then_some(text)
    }
}

/// How much there is, and nothing of it: it may be customer data.
impl fmt::Debug for WorkLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.0.lock();
        write!(f, "WorkLog({} bytes)", kept.first.len() + kept.last_bytes + kept.left_out_bytes)
    }
}

impl Kept {
    fn add(&mut self, line: String) {
        let half = self.max / 2;
        if self.last.is_empty() && self.left_out_lines == 0 && self.first.len() + line.len() <= half {
            self.first.push_str(&line);
            return;
        }
        self.last_bytes += line.len();
        self.last.push_back(line);
        while self.last_bytes > half
            && let Some(line) = self.last.pop_front()
        {
            self.last_bytes -= line.len();
            self.left_out_bytes += line.len();
            self.left_out_lines += 1;
        }
    }
}

/// A line in parts that are no longer than a line of the log may be.
fn parts(mut line: &str) -> impl Iterator<Item = &str> {
    let mut is_first = true;
    std::iter::from_fn(move || {
        if line.is_empty() && !is_first {
            return None;
        }
        is_first = false;
        let (part, rest) = line.split_at(line.floor_char_boundary(LINE_MAX_BYTES));
        line = rest;
        Some(part)
    })
}

/// Makes lines of the bytes of a stream, for a log.
#[derive(Debug, Default)]
pub(crate) struct LogLines {
    unfinished: Vec<u8>,
}

impl LogLines {
    /// Takes the next bytes, and adds the lines that they end.
    pub(crate) fn take(&mut self, log: &WorkLog, at: DateTime<Utc>, chunk: &[u8]) {
        self.unfinished.extend_from_slice(chunk);
        let end = match self.unfinished.iter().rposition(|b| *b == b'\n') {
            Some(at) => at + 1,
            // Without a line end for so long, it is cut where no character is.
            None if self.unfinished.len() > LINE_MAX_BYTES => self.unfinished.len() - incomplete(&self.unfinished),
            None => return,
        };
        log.add(at, &String::from_utf8_lossy(&self.unfinished[..end]));
        self.unfinished.drain(..end);
    }

    /// Adds what comes after the last line end.
    pub(crate) fn finish(self, log: &WorkLog, at: DateTime<Utc>) {
        log.add(at, &String::from_utf8_lossy(&self.unfinished));
    }
}

/// How many bytes at the end may be the beginning of a character.
fn incomplete(bytes: &[u8]) -> usize {
    let start = bytes.iter().rev().take(4).position(|b| *b >= 0xc0).map_or(0, |n| n + 1);
    if std::str::from_utf8(&bytes[bytes.len() - start..]).is_ok() { 0 } else { start }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const AT: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn lines(log: &WorkLog) -> Vec<String> {
        let text = log.text().unwrap_or_default();
        text.lines().map(|line| line.strip_prefix("1970-01-01T00:00:00.000Z ").unwrap_or(line).to_owned()).collect()
    }

    #[test]
    fn each_line_has_its_time_and_steers_no_terminal() {
        let log = WorkLog::new(1_000);
        assert_eq!(log.text(), None);
        log.add(AT, "packing\x1b[2J\r\n\u{202e}two");
        assert_eq!(log.text().unwrap(), "1970-01-01T00:00:00.000Z packing [2J\n1970-01-01T00:00:00.000Z  two\n");
        let none = WorkLog::new(0);
        none.add(AT, "packing");
        assert_eq!(none.text(), None);
    }

    #[test]
    fn of_many_lines_the_first_and_the_last_are_kept_and_the_gap_is_stated() {
        let log = WorkLog::new(1_000);
        for n in 0..1_000 {
            log.add(AT, &format!("line {n}"));
        }
        let lines = lines(&log);
        assert_eq!((&*lines[0], lines.last().unwrap().as_str()), ("line 0", "line 999"));
        let gap = lines.iter().position(|line| line.starts_with('[')).unwrap();
        let kept = lines.len() - 1;
        assert_eq!(
            lines[gap],
            format!("[{} lines of {} bytes are left out here]", 1_000 - kept, log.0.lock().left_out_bytes)
        );
        assert_eq!(lines[gap - 1], format!("line {}", gap - 1), "nothing is missing before it");
        assert_eq!(lines[gap + 1], format!("line {}", 1_000 - (kept - gap)), "or after it");
        assert!(log.text().unwrap().len() < 1_000 + 100);
    }

    #[test]
    fn a_stream_becomes_lines_however_its_bytes_come() {
        let written = "a\n\nb\u{fc}\u{1f4e6}\r\nlast".as_bytes();
        for size in 1..written.len() {
            let (log, mut of_stream) = (WorkLog::new(10_000), LogLines::default());
            written.chunks(size).for_each(|chunk| of_stream.take(&log, AT, chunk));
            of_stream.finish(&log, AT);
            assert_eq!(lines(&log), ["a", "", "b\u{fc}\u{1f4e6}", "last"]);
        }
    }

    #[test]
    fn bytes_without_a_line_end_are_cut_between_characters() {
        let (log, mut of_stream) = (WorkLog::new(1_000_000), LogLines::default());
        let written = "\u{1f4e6}".repeat(50_000);
        written.as_bytes().chunks(16 * 1024 + 1).for_each(|chunk| of_stream.take(&log, AT, chunk));
        assert!(of_stream.unfinished.len() <= 32 * 1024);
        of_stream.finish(&log, AT);
        assert_eq!(lines(&log).concat(), written);
        assert!(lines(&log).iter().all(|line| line.len() <= LINE_MAX_BYTES));
        log.add(AT, "\u{fffd}");
        let (log, mut of_stream) = (WorkLog::new(1_000), LogLines::default());
        of_stream.take(&log, AT, b"\xff\xfe ok\n");
        assert_eq!(lines(&log), ["\u{fffd}\u{fffd} ok"]);
    }

    proptest! {
        #[test]
        fn no_bytes_panic_or_exceed_the_bound(
            max in 0..3_000_usize,
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3_000), 0..8),
        ) {
            let (log, mut of_stream) = (WorkLog::new(max), LogLines::default());
            for chunk in &chunks {
                of_stream.take(&log, AT, chunk);
            }
            of_stream.finish(&log, AT);
            prop_assert!(log.text().unwrap_or_default().len() <= max + 80);
        }
    }
}
