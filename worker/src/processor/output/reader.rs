//! Reads output as it comes, and keeps the last result and the last error.

use offload_domain::{
    json_text::JsonText,
    status::{ERROR_DETAIL_MAX_CHARS, cut},
};
use offload_service::clock;

use super::{
    super::{
        contract::{Outcome, ProcessError},
        result_text::ResultText,
    },
    line::{self, LineError, OutputLine},
};
use crate::work_log::WorkLog;

/// How much is read before the work is cut off.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutputLimits {
    /// The longest line in bytes, without its line feed.
    pub(crate) line_bytes: usize,
    /// The most bytes in all, progress and log lines left out: work of many hours may report as
    /// often as it likes.
    pub(crate) total_bytes: usize,
}

/// The output breaks the protocol; the work is over. None of the texts quotes the output: it may be
/// customer data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProtocolError {
    /// A line cannot be read.
    #[error("line {number} of {of} {error}")]
    Line { number: u64, of: &'static str, error: LineError },
    /// A line is too long.
    #[error("line {number} of {of} is longer than {}; {ADVICE}", size(*.max))]
    LongLine { number: u64, of: &'static str, max: usize },
    /// There is too much in all.
    #[error("{of} is longer than {}; {ADVICE}", size(*.max))]
    TooMuch { of: &'static str, max: usize },
}

const ADVICE: &str = "write large results elsewhere, and give their address as the result";

impl From<ProtocolError> for ProcessError {
    fn from(error: ProtocolError) -> Self {
        Self::protocol(error.to_string())
    }
}

/// An error line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ReportedError {
    /// Text for the client.
    detail: String,
    /// Whether another attempt may succeed, if the line says so.
    retry: Option<bool>,
}

impl ReportedError {
    /// The same for the worker. What the line says about another attempt decides; without it,
    /// `retry_by_default`.
    pub(crate) fn into_process_error(self, retry_by_default: bool) -> ProcessError {
        let kind = if self.retry.unwrap_or(retry_by_default) { ProcessError::retryable } else { ProcessError::failed };
        kind(self.detail)
    }
}

/// Reads output in chunks of any size. It holds at most one line and the last result.
#[derive(Debug)]
pub(crate) struct OutputReader {
    /// What is read, for messages: "the program's output".
    source: &'static str,
    limits: OutputLimits,
    unfinished: Vec<u8>,
    lines: u64,
    bytes: usize,
    result: Option<JsonText>,
    error: Option<ReportedError>,
    /// There was a progress line that could not be read.
    useless: bool,
    log: WorkLog,
}

impl OutputReader {
    pub(crate) fn new(source: &'static str, limits: OutputLimits) -> Self {
        let (unfinished, log) = (Vec::new(), WorkLog::default());
        Self { source, limits, unfinished, lines: 0, bytes: 0, result: None, error: None, useless: false, log }
    }

    /// The same with a log for log lines.
    pub(crate) fn with_log(self, log: &WorkLog) -> Self {
        Self { log: log.clone(), ..self }
    }

    /// Takes the next bytes and passes progress on. An error is final: there is nothing more to
    /// read.
    pub(crate) fn take(
        &mut self,
        mut chunk: &[u8],
        report: &mut impl FnMut(u8, Option<&str>),
    ) -> Result<(), ProtocolError> {
        while let Some(end) = chunk.iter().position(|b| *b == b'\n') {
            self.append(&chunk[..end])?;
            self.end_line(report)?;
            chunk = &chunk[end + 1..];
        }
        self.append(chunk)
    }

    /// Takes what comes after the last line feed as a line.
    pub(crate) fn finish(&mut self, report: &mut impl FnMut(u8, Option<&str>)) -> Result<(), ProtocolError> {
        if self.unfinished.is_empty() { Ok(()) } else { self.end_line(report) }
    }

    /// The last error line, if there was any.
    pub(crate) fn take_error(&mut self) -> Option<ReportedError> {
        self.error.take()
    }

    /// The last result, or none. A large one is put into a file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) async fn into_outcome(self) -> Result<Outcome, ProcessError> {
        let mut text = ResultText::new();
        if let Some(result) = self.result {
            text.add(result.as_str().as_bytes()).await?;
        }
        text.finish(self.source).await
    }

    fn append(&mut self, part: &[u8]) -> Result<(), ProtocolError> {
        if self.unfinished.len() + part.len() > self.limits.line_bytes {
            let max = self.limits.line_bytes;
            return Err(ProtocolError::LongLine { number: self.lines + 1, of: self.source, max });
        }
        self.unfinished.extend_from_slice(part);
        Ok(())
    }

    fn end_line(&mut self, report: &mut impl FnMut(u8, Option<&str>)) -> Result<(), ProtocolError> {
        self.lines += 1;
        let (number, of) = (self.lines, self.source);
        let line = line::parse(&self.unfinished).map_err(|error| ProtocolError::Line { number, of, error })?;
        if !matches!(line, OutputLine::Progress { .. } | OutputLine::Useless | OutputLine::Log(_)) {
            // With its line feed: blank lines without an end are too much as well.
            self.bytes = self.bytes.saturating_add(self.unfinished.len() + 1);
            if self.bytes > self.limits.total_bytes {
                return Err(ProtocolError::TooMuch { of, max: self.limits.total_bytes });
            }
        }
        self.unfinished.clear();
        match line {
            OutputLine::Blank => {}
            OutputLine::Progress { percent, message } => report(percent, message.as_deref()),
            OutputLine::Log(text) => self.log.add(clock::now(), &text),
            OutputLine::Useless if self.useless => {}
            OutputLine::Useless => {
                self.useless = true;
                tracing::warn!(
                    "line {number} of {of} has a progress that is not a number; it and more of its kind are ignored"
                );
            }
            OutputLine::Result(value) => self.result = Some(value),
            OutputLine::Error { detail, retry } => {
                self.error = Some(ReportedError { detail: cut(&detail, ERROR_DETAIL_MAX_CHARS), retry });
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
    use super::*;
    use proptest::prelude::*;

    const LIMITS: OutputLimits = OutputLimits { line_bytes: 100, total_bytes: 1_000 };

    /// Everything that is read of a text in chunks of this size.
    fn read(text: &str, chunk: usize) -> Result<(Vec<String>, Option<ReportedError>, OutputReader), ProtocolError> {
        let mut reader = OutputReader::new("the program's output", LIMITS);
        let mut reports = Vec::new();
        let mut report = |percent, message: Option<&str>| reports.push(format!("{percent} {}", message.unwrap_or("-")));
        for chunk in text.as_bytes().chunks(chunk) {
            reader.take(chunk, &mut report)?;
        }
        reader.finish(&mut report)?;
        Ok((reports, reader.take_error(), reader))
    }

    #[tokio::test]
    async fn the_last_result_and_the_last_error_count_however_the_bytes_come() {
        let text = "{\"progress\":1}\n\n{\"result\":1}\r\n{\"error\":\"a\"}\n{\"progress\":40,\"message\":\"packing\"}\n \t\n\
                    {\"error\":\"b\",\"retry\":true}\n{\"result\": {\"n\": 2e0} }";
        for chunk in 1..text.len() {
            let (reports, error, reader) = read(text, chunk).unwrap();
            assert_eq!(reports, ["1 -", "40 packing"]);
            assert_eq!(error, Some(ReportedError { detail: "b".into(), retry: Some(true) }));
            let outcome = reader.into_outcome().await.unwrap();
            let Outcome::Value(Some(result)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(result.as_str(), "{\"n\": 2e0}");
        }
    }

    #[test]
    fn an_error_names_its_line_and_quotes_nothing_of_it() {
        let error = read("{\"progress\":1}\n\nmy secret\n", 4).unwrap_err();
        let ProcessError::Final(problem) = error.into() else { panic!("{error:?}") };
        assert_eq!(problem.slug(), "processor-protocol");
        assert!(error.to_string().starts_with("line 3 of the program's output is not JSON"), "{error}");
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn a_line_and_the_whole_have_limits() {
        let error = read(&format!("\n{}", "x".repeat(101)), 7).unwrap_err();
        assert!(error.to_string().starts_with("line 2 of the program's output is longer than 100 bytes"), "{error}");
        for line in ["\n", "{\"result\":1}\n", "{\"error\":\"\"}\n"] {
            let fit = 1_000 / line.len();
            assert!(read(&line.repeat(fit), 7).is_ok());
            let error = read(&line.repeat(fit + 1), 7).unwrap_err();
            assert!(error.to_string().starts_with("the program's output is longer than 1000 bytes"), "{error}");
        }
        assert_eq!(size(1024 * 1024), "1 MiB");
    }

    #[test]
    fn progress_does_not_count_towards_the_limit_of_the_whole() {
        let day = "{\"progress\":1,\"message\":\"packing\"}\n".repeat(10_000);
        let (reports, ..) = read(&format!("{day}{{\"result\":1}}\n"), 4_096).unwrap();
        assert_eq!(reports.len(), 10_000);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_hold_more_than_a_line(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..30)) {
            let mut reader = OutputReader::new("the program's output", LIMITS);
            for chunk in &chunks {
                if reader.take(chunk, &mut |_, _| {}).is_err() {
                    return Ok(());
                }
                prop_assert!(reader.unfinished.len() <= LIMITS.line_bytes);
            }
        }
    }
}
