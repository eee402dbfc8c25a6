//! What is wrong with the service as it runs: facts that this server has, or reads cheaply, judged
//! by a list of checks. Pure but for [`Facts::gather`].
//!
//! `offload doctor` judges how a deployment is set up, and this judges how it fares. Words that
//! both need are the same: a finding has an id, a severity, what is wrong, why, and a fix; what
//! cannot be judged is not checked, and never fine.

mod checks;
mod facts;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use offload_domain::time::rfc3339_millis;
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use facts::{Facts, SignerCredentials};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// Worth knowing.
    Note,
    /// It hurts some orders, or will hurt all.
    Warning,
    /// Orders do not end, or are refused.
    Error,
}

/// One thing that may be wrong: its texts, and how it is judged.
#[derive(Debug)]
struct Check {
    /// It never changes: programs name it.
    id: &'static str,
    severity: Severity,
    /// What is wrong, in a few words.
    title: &'static str,
    /// What holds where nothing is.
    holds: &'static str,
    /// What comes of it.
    why: &'static str,
    fix: &'static str,
    /// Its place in the runbook.
    runbook: &'static str,
    judge: fn(&Facts<'_>) -> Judgement,
}

/// What is wrong, with figures, if something is; or why that is not known.
type Judgement = Result<Option<String>, String>;

/// What is wrong with the service as it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Diagnosis {
    /// When it was judged.
    #[serde(with = "rfc3339_millis")]
    #[schema(value_type = String, format = DateTime)]
    pub(crate) as_of: DateTime<Utc>,
    /// What is wrong, the worst first.
    pub(crate) findings: Vec<Finding>,
    /// Checks that found nothing.
    pub(crate) passed: Vec<PassedCheck>,
    /// Checks that could not be made.
    pub(crate) not_checked: Vec<SkippedCheck>,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Finding {
    /// Which check found it. Ids never change.
    pub(crate) id: &'static str,
    severity: Severity,
    /// In a few words.
    title: &'static str,
    /// With figures.
    pub(crate) what: String,
    /// What comes of it.
    why: &'static str,
    /// What to do.
    fix: &'static str,
    /// The page of the documentation, by its path in the repository.
    docs: String,
}

/// A check that found nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PassedCheck {
    id: &'static str,
    /// What holds.
    what: &'static str,
}

/// A check that could not be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SkippedCheck {
    id: &'static str,
    /// What it would have found.
    what: &'static str,
    /// Why it could not be made.
    why: String,
}

/// Judges the service.
pub(crate) fn diagnose(facts: &Facts<'_>) -> Diagnosis {
    let mut diagnosis =
        Diagnosis { as_of: facts.now, findings: Vec::new(), passed: Vec::new(), not_checked: Vec::new() };
    for check in &checks::CHECKS {
        match (check.judge)(facts) {
            Ok(None) => diagnosis.passed.push(PassedCheck { id: check.id, what: check.holds }),
            Ok(Some(what)) => diagnosis.findings.push(Finding {
                id: check.id,
                severity: check.severity,
                title: check.title,
                what,
                why: check.why,
                fix: check.fix,
                docs: format!("docs/how-to/runbook.md#{}", check.runbook),
            }),
            Err(why) => diagnosis.not_checked.push(SkippedCheck { id: check.id, what: check.title, why }),
        }
    }
    diagnosis.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    diagnosis
}
