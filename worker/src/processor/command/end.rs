//! What a program's end means.

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

use super::super::{ProcessError, dialogue::Dialogue};

/// `EX_TEMPFAIL` of sysexits.h: try again later.
const EX_TEMPFAIL: i32 = 75;

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl From<ExitStatus> for End {
    fn from(status: ExitStatus) -> Self {
        match (status.code(), status.signal()) {
            (Some(code), _) => Self::Code(code),
            (None, signal) => Self::Signal(signal.unwrap_or_default()),
        }
    }
}

impl End {
    /// Why the work failed, by this end and by what was said before, or `None` if it did not.
    pub(super) fn failure(
        self,
        dialogue: &mut Dialogue,
        report: &mut impl FnMut(u8, Option<&str>),
    ) -> Option<ProcessError> {
        let last_line = dialogue.finish(report);
        let retry = matches!(self, Self::Code(EX_TEMPFAIL) | Self::Signal(_));
        let kind = if retry { ProcessError::retryable } else { ProcessError::failed };
        match (dialogue.complaint(), self) {
            (Some(complaint), _) => Some(complaint.into_error(retry)),
            (None, Self::Code(0)) => last_line.err().map(Into::into),
            // A program that dies in the middle of a line broke off; it did not break the protocol.
            (None, Self::Code(code)) => Some(kind(format!("the program exited with code {code}"))),
            (None, Self::Signal(signal)) => Some(kind(format!("the program was ended by signal {signal}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::dialogue::Bounds, *};

    fn failure(end: End, said: &str) -> Option<ProcessError> {
        let mut dialogue = Dialogue::new("the program's output", Bounds { line_bytes: 100, total_bytes: 1_000 });
        dialogue.take(said.as_bytes(), &mut |_, _| {}).unwrap();
        end.failure(&mut dialogue, &mut |_, _| {})
    }

    #[test]
    fn only_code_0_without_an_error_line_is_success() {
        for said in ["", "{\"result\":1}", "{\"progress\":1}\n"] {
            assert!(failure(End::Code(0), said).is_none(), "{said}");
            assert!(failure(End::Code(1), said).is_some(), "{said}");
        }
        let error = failure(End::Code(0), "{\"error\":\"no stock\"}\n{\"result\":1}\n").unwrap();
        assert_eq!(error, ProcessError::failed("no stock"));
    }

    #[test]
    fn the_error_line_decides_on_a_retry_and_else_the_end_does() {
        let no_stock = "{\"error\":\"no stock\"}";
        let (once, again) = ("{\"error\":\"no stock\",\"retry\":false}", "{\"error\":\"no stock\",\"retry\":true}");
        for (end, said, retryable) in [
            (End::Code(1), "", false),
            (End::Code(137), "", false),
            (End::Code(75), "", true),
            (End::Signal(9), "", true),
            (End::Code(1), no_stock, false),
            (End::Code(75), no_stock, true),
            (End::Signal(9), no_stock, true),
            (End::Code(75), once, false),
            (End::Signal(9), once, false),
            (End::Code(0), again, true),
            (End::Code(1), again, true),
        ] {
            let error = failure(end, said).unwrap();
            assert_eq!(matches!(error, ProcessError::Retryable(_)), retryable, "{end:?} {said}");
            assert_eq!(error.to_string() == "no stock", !said.is_empty());
        }
    }

    #[test]
    fn half_a_line_is_a_fault_only_of_a_program_that_claims_success() {
        let half = "{\"result\":";
        assert!(failure(End::Code(0), half).unwrap().to_string().contains("line 1"));
        assert_eq!(failure(End::Code(1), half).unwrap().to_string(), "the program exited with code 1");
        assert_eq!(failure(End::Signal(9), half).unwrap().to_string(), "the program was ended by signal 9");
    }
}
