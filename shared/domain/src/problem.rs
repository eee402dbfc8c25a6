//! RFC 9457 problem objects: every error that a client reads, over HTTP or in a status object.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A problem. `type` is stable and documented; `detail` is for people and may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// Identifies the kind of problem: `https://status-offload.dev/problems/{slug}`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words.
    pub title: String,
    /// The HTTP status code that goes with it.
    pub status: u16,
    /// What was wrong this time, where, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Each fault of an invalid document.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
    /// The request that met the problem, as in the `x-request-id` header and the service's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// One fault of a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901) into the request body; empty for the whole document.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

/// Where the problem types are described. A type URI is an identifier: nothing fetches it.
pub const TYPE_BASE: &str = "https://status-offload.dev/problems/";

impl Problem {
    /// A problem of the kind `slug`.
    #[must_use]
    pub fn new(slug: &str, title: &str, status: u16) -> Self {
        Self {
            kind: format!("{TYPE_BASE}{slug}"),
            title: title.to_owned(),
            status,
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

    /// The same with the faults of a document.
    #[must_use]
    pub fn errors(mut self, errors: Vec<Fault>) -> Self {
        self.errors = errors;
        self
    }

    /// The last part of `type`.
    #[must_use]
    pub fn slug(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }
}

/// Problems that stand in status objects: how an order can end without a result.
pub mod ends {
    use super::Problem;

    /// The processor said that the work cannot be done.
    #[must_use]
    pub fn processing_failed(detail: impl Into<String>) -> Problem {
        Problem::new("processing-failed", "The work failed", 500).detail(detail)
    }

    /// The processor broke its protocol.
    #[must_use]
    pub fn processor_protocol(detail: impl Into<String>) -> Problem {
        Problem::new("processor-protocol", "The processor gave an answer that cannot be read", 502).detail(detail)
    }

    /// One attempt took longer than a job may.
    #[must_use]
    pub fn processing_timed_out(seconds: f64) -> Problem {
        Problem::new("processing-timed-out", "The work took too long", 504)
            .detail(format!("the work was stopped after {seconds} s, the longest that one attempt may take"))
    }

    /// The attempt was cut off by the end of the function's time.
    #[must_use]
    pub fn function_timed_out(seconds: f64) -> Problem {
        Problem::new("function-timed-out", "The work did not fit into a function's time", 504)
            .detail(format!("it was stopped after {seconds:.0} s, when the function's time was over"))
    }

    /// The attempt was cut off although it had as long as Lambda ever gives.
    #[must_use]
    pub fn outlasts_functions(seconds: f64) -> Problem {
        Problem::new("outlasts-functions", "The work takes longer than a function may run", 504).detail(format!(
            "it was stopped after {seconds:.0} s, and no function runs longer than 900 s; such orders need a worker in a container"
        ))
    }

    /// Every attempt failed.
    #[must_use]
    pub fn attempts_exhausted(attempts: u32, last: Option<&str>) -> Problem {
        let last = last.map(|l| format!("; the last error was: {l}")).unwrap_or_default();
        Problem::new("attempts-exhausted", "The work failed at every attempt", 500)
            .detail(format!("{attempts} attempts were made{last}"))
    }

    /// The queue gave the order up: it was delivered too often without an end.
    #[must_use]
    pub fn dead_lettered(attempts: u32, last: Option<&str>) -> Problem {
        let last = last.map(|l| format!("; the last error was: {l}")).unwrap_or_default();
        Problem::new("dead-lettered", "The work could not be carried out", 500)
            .detail(format!("the queue gave the order up; {attempts} attempts were started{last}"))
    }

    /// Whether an operator may want to give an order that ended so another chance: the fault was not the order's own.
    #[must_use]
    pub fn is_dead(problem: &Problem) -> bool {
        matches!(problem.slug(), "attempts-exhausted" | "dead-lettered")
    }

    /// The order's own deadline passed.
    #[must_use]
    pub fn deadline_exceeded() -> Problem {
        Problem::new("deadline-exceeded", "The order's deadline has passed", 504).detail(
            "the order did not finish before its deadline; order again, or allow more time in options.deadline_seconds",
        )
    }
}
