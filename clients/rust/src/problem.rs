//! Why a request was refused or an order failed: problem documents (RFC 9457).

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Problem {
    /// Identifies the kind of problem: a stable URI.
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// The kind in a few words.
    #[serde(default)]
    pub title: String,
    /// The HTTP status code that goes with it.
    #[serde(default)]
    pub status: u16,
    /// What was wrong this time, and what to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Each violation of an invalid order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Violation>,
    /// Names the request in the service's log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// One violation of the order's schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(utoipa::ToSchema))]
pub struct Violation {
    /// Its place in the order, as a JSON pointer.
    pub pointer: String,
    /// What is wrong there.
    pub detail: String,
    /// Members that this version does not know.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

impl Problem {
    /// The last part of the type, such as `invalid-order`.
    #[must_use]
    pub fn slug(&self) -> &str {
        self.kind.rsplit('/').next().unwrap_or_default()
    }

    /// The problem in a response. A body that is no problem document, such as a proxy's page,
    /// becomes one of type `about:blank`.
    pub(crate) fn from_response(status: u16, body: &str) -> Self {
        let document = serde_json::from_str::<Self>(body).ok().filter(|p| !p.title.is_empty());
        Self {
            status,
            ..document.unwrap_or_else(|| Self {
                kind: about_blank(),
                title: format!("the api responded with {status} and no problem document"),
                status,
                detail: None,
                errors: Vec::new(),
                request_id: None,
                other: BTreeMap::new(),
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
        for Violation { pointer, detail, .. } in &self.errors {
            write!(f, "; {}: {detail}", if pointer.is_empty() { "/" } else { pointer })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_lists_every_violation() {
        let body = r#"{"type":"https://x/problems/invalid-order","title":"The order is invalid","status":422,
            "errors":[{"pointer":"/items/0/quantity","detail":"0 is less than 1"},{"pointer":"","detail":"kind is missing"}]}"#;
        let problem = Problem::from_response(422, body);
        assert_eq!(problem.slug(), "invalid-order");
        assert_eq!(
            problem.to_string(),
            "The order is invalid; /items/0/quantity: 0 is less than 1; /: kind is missing"
        );
    }

    #[test]
    fn a_proxys_error_page_becomes_a_problem() {
        let page = Problem::from_response(403, "<html>");
        assert_eq!((page.kind.as_str(), page.status), ("about:blank", 403));
    }
}
