//! What a running service says is wrong with it: the answer of its admin API.

use reqwest::Method;
use serde::Deserialize;

use super::check::{Finding, Report, Unchecked};
use crate::{admin::Admin, failure::Failure};

/// What is read of the answer.
#[derive(Deserialize)]
struct Diagnosis {
    findings: Vec<Finding>,
    passed: Vec<Passed>,
    not_checked: Vec<Unchecked>,
}

/// A check that found nothing.
#[derive(Deserialize)]
struct Passed {
    id: String,
}

/// What a service says of itself, as far as these checks go; and the ids of all its checks.
///
/// # Errors
/// If it does not say it.
pub(super) async fn ask(admin: &Admin, wanted: impl Fn(&str) -> bool) -> Result<(Report, Vec<String>), Failure> {
    let answer = admin.ask(Method::GET, "doctor", &[]).await.map_err(Failure::Usage)?;
    let Diagnosis { mut findings, mut passed, mut not_checked } = Diagnosis::deserialize(answer)
        .map_err(|e| Failure::Usage(format!("this is not the answer of GET /admin/doctor: {e}")))?;
    let ids = findings.iter().map(|finding| &finding.id).chain(passed.iter().map(|check| &check.id));
    let ids = ids.chain(not_checked.iter().map(|check| &check.id)).cloned().collect();
    findings.retain(|finding| wanted(&finding.id));
    passed.retain(|check| wanted(&check.id));
    not_checked.retain(|check| wanted(&check.id));
    Ok((Report { findings, not_checked, passed: passed.len() }, ids))
}
