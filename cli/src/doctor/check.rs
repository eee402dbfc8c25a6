//! A check, and what it found.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::facts::{Deployment, Fact, Unknown};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(super) enum Severity {
    /// Worth knowing.
    Note,
    /// It will hurt some day, or costs more than it should.
    Warning,
    /// Orders are lost, or what is private is not.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// One kind of finding: its texts, and how it is found.
#[derive(Debug)]
pub(super) struct Check {
    /// It never changes: pipelines name it.
    pub(super) id: &'static str,
    pub(super) severity: Severity,
    /// What is wrong, in a few words.
    pub(super) title: &'static str,
    /// What comes of it.
    pub(super) why: &'static str,
    pub(super) fix: &'static str,
    pub(super) judge: fn(&Deployment) -> Vec<Judged>,
}

/// What a check says of one resource.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) resource: String,
    /// What is wrong with it, if anything is; or why that is not known.
    pub(super) outcome: Fact<Option<String>>,
}

impl Judged {
    pub(super) fn new(resource: &str, outcome: Fact<Option<String>>) -> Self {
        Self { resource: resource.to_owned(), outcome }
    }
}

/// Judges each of some resources that may not be known at all.
pub(super) fn each<T>(
    resources: &Fact<Vec<T>>,
    of: &str,
    label: impl Fn(&T) -> &str,
    judge: impl Fn(&T) -> Fact<Option<String>>,
) -> Vec<Judged> {
    match resources {
        Ok(resources) => resources.iter().map(|r| Judged::new(label(r), judge(r))).collect(),
        Err(why) => vec![Judged::new(of, Err(why.clone()))],
    }
}

/// What is wrong, if something is.
pub(super) fn wrong_if(wrong: bool, what: impl FnOnce() -> String) -> Fact<Option<String>> {
    Ok(wrong.then(what))
}

/// A finding.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Finding {
    pub(super) id: String,
    pub(super) severity: Severity,
    #[serde(default = "whole")]
    pub(super) resource: String,
    pub(super) what: String,
    pub(super) why: String,
    pub(super) fix: String,
    pub(super) docs: String,
}

/// What could not be checked.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Unchecked {
    pub(super) id: String,
    #[serde(default = "whole")]
    pub(super) resource: String,
    pub(super) why: String,
}

/// What a finding is about that names no resource.
fn whole() -> String {
    "the service".to_owned()
}

/// All that was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Report {
    pub(super) findings: Vec<Finding>,
    pub(super) not_checked: Vec<Unchecked>,
    /// Checks of single resources that found nothing.
    pub(super) passed: usize,
}

/// Goes through checks, the worst findings first.
pub(super) fn examine<'a>(deployment: &Deployment, checks: impl Iterator<Item = &'a Check>) -> Report {
    let mut report = Report::default();
    for check in checks {
        for Judged { resource, outcome } in (check.judge)(deployment) {
            match outcome {
                Ok(None) => report.passed += 1,
                Ok(Some(what)) => report.findings.push(Finding {
                    id: check.id.to_owned(),
                    severity: check.severity,
                    resource,
                    what,
                    why: check.why.to_owned(),
                    fix: check.fix.to_owned(),
                    docs: format!("{DOCS}#{}", check.id),
                }),
                Err(Unknown(why)) => report.not_checked.push(Unchecked { id: check.id.to_owned(), resource, why }),
            }
        }
    }
    report.findings.sort_by_key(|f| std::cmp::Reverse(f.severity));
    report
}

/// The page that lists all findings.
pub(super) const DOCS: &str = "docs/reference/findings.md";
