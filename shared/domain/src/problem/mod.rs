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

    /// The same with the violations of a document.
    #[must_use]
    pub fn errors(mut self, errors: Vec<Violation>) -> Self {
        self.errors = errors;
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
