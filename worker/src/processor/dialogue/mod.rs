//! The conversation with work outside this program: JSON lines from a program's standard output or an endpoint's body.

mod line;

use offload_domain::status::{ERROR_DETAIL_MAX_CHARS, cut};
use serde_json::Value;

use self::line::{Fault, Line};
use super::{Outcome, ProcessError};

/// How much is read before the work is cut off.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// The longest line in bytes, without its line feed.
    pub(super) line_bytes: usize,
    /// The most bytes altogether.
    pub(super) total_bytes: usize,
}

/// The protocol is broken; the work is over. None of the texts quotes what was said: it may be customer data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Breach {
    /// A line cannot be read.
    #[error("line {number} of {of} {fault}")]
    Line { number: u64, of: &'static str, fault: Fault },
    /// A line has no end in sight.
    #[error("line {number} of {of} is longer than {}; {ADVICE}", size(*.max))]
    LongLine { number: u64, of: &'static str, max: usize },
    /// There is no end of it.
    #[error("{of} is longer than {}; {ADVICE}", size(*.max))]
    TooMuch { of: &'static str, max: usize },
}

const ADVICE: &str = "write large results elsewhere, and give their address as the result";

impl From<Breach> for ProcessError {
    fn from(breach: Breach) -> Self {
        Self::protocol(breach.to_string())
    }
}

/// An error line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    /// Text for the client.
    pub(super) detail: String,
    /// Whether another attempt may succeed, if the work said so.
    pub(super) retry: Option<bool>,
}

impl Complaint {
    /// The same for the worker. What the work said about another attempt counts more than the signs of it.
    pub(super) fn into_error(self, retry_if_unsaid: bool) -> ProcessError {
        let kind = if self.retry.unwrap_or(retry_if_unsaid) { ProcessError::retryable } else { ProcessError::failed };
        kind(self.detail)
    }
}

/// What has been said so far. Fed with bytes as they come, it holds at most one line and the last result.
#[derive(Debug)]
pub(super) struct Dialogue {
    /// Whose lines they are, for messages: "the program's output".
    source: &'static str,
    bounds: Bounds,
    unfinished: Vec<u8>,
    lines: u64,
    bytes: usize,
    result: Option<Value>,
    complaint: Option<Complaint>,
}

impl Dialogue {
    pub(super) fn new(source: &'static str, bounds: Bounds) -> Self {
        Self { source, bounds, unfinished: Vec::new(), lines: 0, bytes: 0, result: None, complaint: None }
    }

    /// Takes the next bytes and reports progress. An error is final, and the dialogue is over.
    pub(super) fn take(&mut self, mut chunk: &[u8], report: &mut impl FnMut(u8, Option<&str>)) -> Result<(), Breach> {
        self.bytes = self.bytes.saturating_add(chunk.len());
        if self.bytes > self.bounds.total_bytes {
            return Err(Breach::TooMuch { of: self.source, max: self.bounds.total_bytes });
        }
        while let Some(end) = chunk.iter().position(|b| *b == b'\n') {
            self.keep(&chunk[..end])?;
            self.close(report)?;
            chunk = &chunk[end + 1..];
        }
        self.keep(chunk)
    }

    /// Takes what stands after the last line feed as a line.
    pub(super) fn finish(&mut self, report: &mut impl FnMut(u8, Option<&str>)) -> Result<(), Breach> {
        if self.unfinished.is_empty() { Ok(()) } else { self.close(report) }
    }

    /// The last error line, if there was any.
    pub(super) fn complaint(&mut self) -> Option<Complaint> {
        self.complaint.take()
    }

    /// The last result, or none.
    pub(super) fn outcome(self) -> Outcome {
        Outcome::Value(self.result)
    }

    fn keep(&mut self, part: &[u8]) -> Result<(), Breach> {
        if self.unfinished.len() + part.len() > self.bounds.line_bytes {
            let max = self.bounds.line_bytes;
            return Err(Breach::LongLine { number: self.lines + 1, of: self.source, max });
        }
        self.unfinished.extend_from_slice(part);
        Ok(())
    }

    fn close(&mut self, report: &mut impl FnMut(u8, Option<&str>)) -> Result<(), Breach> {
        self.lines += 1;
        let (number, of) = (self.lines, self.source);
        let line = line::parse(&self.unfinished).map_err(|fault| Breach::Line { number, of, fault })?;
        self.unfinished.clear();
        match line {
            Line::Blank => {}
            Line::Progress { percent, message } => report(percent, message.as_deref()),
            Line::Result(value) => self.result = Some(value),
            Line::Error { detail, retry } => {
                self.complaint = Some(Complaint { detail: cut(&detail, ERROR_DETAIL_MAX_CHARS), retry });
            }
        }
        Ok(())
    }
}

/// A limit for people.
fn size(bytes: usize) -> String {
    const MIB: usize = 1024 * 1024;
    if bytes >= MIB && bytes.is_multiple_of(MIB) { format!("{} MiB", bytes / MIB) } else { format!("{bytes} bytes") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const BOUNDS: Bounds = Bounds { line_bytes: 100, total_bytes: 1_000 };

    /// Everything that came of a text given in chunks of some size.
    fn said(text: &str, chunk: usize) -> Result<(Vec<String>, Option<Complaint>, Outcome), Breach> {
        let mut dialogue = Dialogue::new("the program's output", BOUNDS);
        let mut reports = Vec::new();
        let mut report = |percent, message: Option<&str>| reports.push(format!("{percent} {}", message.unwrap_or("-")));
        for chunk in text.as_bytes().chunks(chunk) {
            dialogue.take(chunk, &mut report)?;
        }
        dialogue.finish(&mut report)?;
        Ok((reports, dialogue.complaint(), dialogue.outcome()))
    }

    #[test]
    fn the_last_result_and_the_last_error_count_however_the_bytes_come() {
        let text = "{\"progress\":1}\n\n{\"result\":1}\r\n{\"error\":\"a\"}\n{\"progress\":40,\"message\":\"packing\"}\n \t\n\
                    {\"error\":\"b\",\"retry\":true}\n{\"result\":{\"n\":2}}";
        for chunk in 1..text.len() {
            let (reports, complaint, outcome) = said(text, chunk).unwrap();
            assert_eq!(reports, ["1 -", "40 packing"]);
            assert_eq!(complaint, Some(Complaint { detail: "b".into(), retry: Some(true) }));
            let Outcome::Value(Some(result)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(result, json!({"n": 2}));
        }
    }

    #[test]
    fn a_fault_names_its_line_and_quotes_nothing_of_it() {
        let error = said("{\"progress\":1}\n\nmy secret\n", 4).unwrap_err();
        let ProcessError::Final(problem) = error.into() else { panic!("{error:?}") };
        assert_eq!(problem.slug(), "processor-protocol");
        assert!(error.to_string().starts_with("line 3 of the program's output is not JSON"), "{error}");
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn a_line_and_the_whole_have_limits() {
        let error = said(&format!("\n{}", "x".repeat(101)), 7).unwrap_err();
        assert!(error.to_string().starts_with("line 2 of the program's output is longer than 100 bytes"), "{error}");
        let error = said(&"{\"progress\":1}\n".repeat(67), 7).unwrap_err();
        assert!(error.to_string().starts_with("the program's output is longer than 1000 bytes"), "{error}");
        assert!(said(&"{\"progress\":1}\n".repeat(66), 7).is_ok());
        assert_eq!(size(1024 * 1024), "1 MiB");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_hold_more_than_a_line(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..30)) {
            let mut dialogue = Dialogue::new("the program's output", BOUNDS);
            for chunk in &chunks {
                if dialogue.take(chunk, &mut |_, _| {}).is_err() {
                    return Ok(());
                }
                prop_assert!(dialogue.unfinished.len() <= BOUNDS.line_bytes);
            }
        }
    }
}
