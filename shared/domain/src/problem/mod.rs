//! RFC 9457 problem objects: every error that a client reads, as an answer, in a message or in a
//! status object.

pub mod ends;
mod types;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use types::ProblemType;

/// A problem. `type` is stable and documented; `detail` is for people and may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Identifies the type of problem: `https://status-offload.dev/problems/{slug}`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The type in a few words.
    pub title: String,
    /// The HTTP status code that goes with it.
    pub status: u16,
    /// What was wrong this time, where, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Each violation of an invalid document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
    /// The request that met the problem, as in the `x-request-id` header and the service's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One thing in a document that its schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Violation {
    /// Where: a JSON pointer (RFC 6901) into the request body; empty for the whole document.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

impl Violation {
    /// The same, with what came in (names of members, in both its texts) cut short: a request must
    /// not buy an answer of its own size, nor control how a terminal prints it.
    fn bounded(self) -> Self {
        Self { pointer: excerpt(&self.pointer, POINTER_MAX_CHARS), detail: excerpt(&self.detail, DETAIL_MAX_CHARS) }
    }
}

/// The longest pointer that is repeated, in characters.
const POINTER_MAX_CHARS: usize = 256;
/// The longest detail of a violation.
const DETAIL_MAX_CHARS: usize = 256;

/// The beginning of a text, without characters that do not print.
fn excerpt(text: &str, max_chars: usize) -> String {
    let mut chars = text.chars().map(|c| if is_printable(c) { c } else { char::REPLACEMENT_CHARACTER });
    let mut excerpt: String = chars.by_ref().take(max_chars).collect();
    if chars.next().is_some() {
        excerpt.push('…');
    }
    excerpt
}

/// Neither a control character nor one that changes the direction of the text around it.
fn is_printable(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Where the problem types are described. A type URI is an identifier: nothing fetches it.
pub const TYPE_BASE: &str = "https://status-offload.dev/problems/";

impl Problem {
    /// A problem of this type.
    #[must_use]
    pub fn new(problem_type: ProblemType) -> Self {
        Self {
            kind: format!("{TYPE_BASE}{}", problem_type.slug()),
            title: problem_type.title().to_owned(),
            status: problem_type.status(),
            detail: None,
            errors: Vec::new(),
            request_id: None,
        }
    }

    /// The same with a detail.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// The same with the violations of a document, of which no more than a short part is repeated.
    #[must_use]
    pub fn errors(mut self, errors: Vec<Violation>) -> Self {
        self.errors = errors.into_iter().map(Violation::bounded).collect();
        self
    }

    /// The last part of `type`.
    #[must_use]
    pub fn slug(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }

    /// Whether the problem is of this type.
    #[must_use]
    pub fn is(&self, problem_type: ProblemType) -> bool {
        self.slug() == problem_type.slug()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_repeats_a_short_printable_part_of_what_came_in() {
        let violation = |text: String| Violation { pointer: format!("/{text}"), detail: text };
        let problem = Problem::new(ProblemType::InvalidOrder)
            .errors(vec![violation("ä".repeat(100_000)), violation("a\u{1b}[31m\u{202e}".to_owned())]);
        assert_eq!(problem.errors[0].pointer.chars().count(), POINTER_MAX_CHARS + 1);
        assert_eq!(problem.errors[0].detail, format!("{}…", "ä".repeat(DETAIL_MAX_CHARS)));
        assert_eq!(problem.errors[1].detail, "a\u{fffd}[31m\u{fffd}");
    }
}
