//! What a program's end means.

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

use super::super::{contract::ProcessError, output::OutputReader};

/// `EX_TEMPFAIL` of sysexits.h: try again later.
const EX_TEMPFAIL: i32 = 75;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProgramEnd {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl From<ExitStatus> for ProgramEnd {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

impl ProgramEnd {
    /// Why the work failed, by this end and by the output, or `None` if it did not.
    pub(super) fn failure(
        self,
        reader: &mut OutputReader,
        report: &mut impl FnMut(u8, Option<&str>),
    ) -> Option<ProcessError> {
        let last_line = reader.finish(report);
        let retry = matches!(self, Self::Code(EX_TEMPFAIL) | Self::Signal(_));
        let kind = if retry { ProcessError::retryable } else { ProcessError::failed };
        match (reader.take_error(), self) {
            (Some(error), _) => Some(error.into_process_error(retry)),
            (None, Self::Code(0)) => last_line.err().map(Into::into),
            // A program that dies in the middle of a line did not break the protocol.
            (None, Self::Code(code)) => Some(kind(format!("the program exited with code {code}"))),
            (None, Self::Signal(signal)) => Some(kind(format!("the program was ended by signal {signal}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::output::OutputLimits, *};

    fn failure(end: ProgramEnd, output: &str) -> Option<ProcessError> {
        let mut reader =
            OutputReader::new("the program's output", OutputLimits { line_bytes: 100, total_bytes: 1_000 });
        reader.take(output.as_bytes(), &mut |_, _| {}).unwrap();
        end.failure(&mut reader, &mut |_, _| {})
    }

    #[test]
    fn only_code_0_without_an_error_line_is_success() {
        for output in ["", "{\"result\":1}", "{\"progress\":1}\n"] {
            assert!(failure(ProgramEnd::Code(0), output).is_none(), "{output}");
            assert!(failure(ProgramEnd::Code(1), output).is_some(), "{output}");
        }
        let error = failure(ProgramEnd::Code(0), "{\"error\":\"no stock\"}\n{\"result\":1}\n").unwrap();
        assert_eq!(error, ProcessError::failed("no stock"));
    }

    #[test]
    fn the_error_line_decides_on_a_retry_and_else_the_exit_code() {
        let no_stock = "{\"error\":\"no stock\"}";
        let (once, again) = ("{\"error\":\"no stock\",\"retry\":false}", "{\"error\":\"no stock\",\"retry\":true}");
        for (end, output, retryable) in [
            (ProgramEnd::Code(1), "", false),
            (ProgramEnd::Code(137), "", false),
            (ProgramEnd::Code(75), "", true),
            (ProgramEnd::Signal(9), "", true),
            (ProgramEnd::Code(1), no_stock, false),
            (ProgramEnd::Code(75), no_stock, true),
            (ProgramEnd::Signal(9), no_stock, true),
            (ProgramEnd::Code(75), once, false),
            (ProgramEnd::Signal(9), once, false),
            (ProgramEnd::Code(0), again, true),
            (ProgramEnd::Code(1), again, true),
        ] {
            let error = failure(end, output).unwrap();
            assert_eq!(matches!(error, ProcessError::Retryable { .. }), retryable, "{end:?} {output}");
            assert_eq!(error.to_string() == "no stock", !output.is_empty());
        }
    }

    #[test]
    fn half_a_line_is_an_error_only_of_a_program_that_succeeds() {
        let half = "{\"result\":";
        assert!(failure(ProgramEnd::Code(0), half).unwrap().to_string().contains("line 1"));
        assert_eq!(failure(ProgramEnd::Code(1), half).unwrap().to_string(), "the program exited with code 1");
        assert_eq!(failure(ProgramEnd::Signal(9), half).unwrap().to_string(), "the program was ended by signal 9");
    }
}
