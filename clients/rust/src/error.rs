//! What can go wrong. No message holds a URL or a token: a presigned URL is a secret.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a call failed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service refuses: an RFC 9457 problem.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// No answer, or only answers that ask for patience, however often asked. With the last one's reason.
    #[error("{0}")]
    Unreachable(String),
    /// The time that the caller allowed is over. The order goes on, and can be waited for again.
    #[error("not done within the time allowed; the order goes on")]
    TimedOut,
    /// S3 refuses even a status or result URL that the service has just made.
    #[error("{0}")]
    UrlRefused(String),
    /// What came is not what the contract says: perhaps something else listens there.
    #[error("{0}")]
    Unreadable(String),
    /// The client cannot be made, or the order cannot be sent, as asked for.
    #[error("{0}")]
    Invalid(String),
}

/// A problem document (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Identifies the kind of problem: a stable URI.
    #[serde(rename = "type", default = "blank")]
    pub kind: String,
    /// The kind in a few words.
    #[serde(default)]
    pub title: String,
    /// The HTTP status code that goes with it.
    #[serde(default)]
    pub status: u16,
    /// What was wrong this time, and what to do about it.
    #[serde(default)]
    pub detail: Option<String>,
    /// Each fault of an invalid order.
    #[serde(default)]
    pub errors: Vec<Fault>,
    /// Names the request in the service's log.
    #[serde(default)]
    pub request_id: Option<String>,
}

/// One fault of an invalid order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Its place, as a JSON pointer.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
}

fn blank() -> String {
    "about:blank".to_owned()
}

impl Problem {
    /// The last part of the type, such as `invalid-order`.
    #[must_use]
    pub fn slug(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }

    /// The problem of an answer. One that is no problem document, such as a proxy's page, becomes one of type
    /// `about:blank`.
    pub(crate) fn of(status: u16, body: &str) -> Self {
        let read = serde_json::from_str::<Self>(body).ok().filter(|p| !p.title.is_empty());
        Self {
            status,
            ..read.unwrap_or_else(|| Self {
                kind: blank(),
                title: format!("the api answers {status} without a problem document"),
                status,
                detail: None,
                errors: Vec::new(),
                request_id: None,
            })
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)?;
        if let Some(detail) = &self.detail {
            write!(f, ": {detail}")?;
        }
        for Fault { pointer, detail } in &self.errors {
            write!(f, "; {}: {detail}", if pointer.is_empty() { "/" } else { pointer })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_tells_every_fault_and_a_proxys_page_becomes_one() {
        let body = r#"{"type":"https://x/problems/invalid-order","title":"The order is invalid","status":422,
            "errors":[{"pointer":"/items/0/quantity","detail":"0 is less than 1"},{"pointer":"","detail":"kind is missing"}]}"#;
        let problem = Problem::of(422, body);
        assert_eq!(problem.slug(), "invalid-order");
        assert_eq!(
            problem.to_string(),
            "The order is invalid; /items/0/quantity: 0 is less than 1; /: kind is missing"
        );
        let page = Problem::of(403, "<html>");
        assert_eq!((page.kind.as_str(), page.status), ("about:blank", 403));
    }
}
