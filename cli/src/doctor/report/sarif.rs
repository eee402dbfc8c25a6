//! SARIF 2.1.0, for code scanning:
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::doctor::{
    check::{Check, Finding, Report, Severity, Unchecked},
    findings,
};

/// The report as a log of one run. Findings are attached to a file of the checkout.
pub(in crate::doctor) fn sarif(report: &Report, file: &str) -> Value {
    let rules: Vec<&Check> = findings::all().collect();
    let results: Vec<Value> = report.findings.iter().map(|finding| result(finding, &rules, file)).collect();
    let notifications: Vec<Value> = report.not_checked.iter().map(notification).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "offload doctor",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|check| rule(check)).collect::<Vec<_>>(),
            }},
            "invocations": [{"executionSuccessful": true, "toolExecutionNotifications": notifications}],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

fn rule(check: &Check) -> Value {
    json!({
        "id": check.id,
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.why},
        "help": {"text": check.fix},
        "defaultConfiguration": {"level": level(check.severity)},
    })
}

fn result(finding: &Finding, rules: &[&Check], file: &str) -> Value {
    let fingerprint = hex(&Sha256::digest(format!("{}\n{}", finding.id, finding.resource)));
    json!({
        "ruleId": finding.id,
        "ruleIndex": rules.iter().position(|check| check.id == finding.id),
        "level": level(finding.severity),
        "message": {"text": format!("{}: {}. {} {}", finding.resource, finding.what, finding.why, finding.fix)},
        "locations": [{
            "physicalLocation": {"artifactLocation": {"uri": uri(file)}, "region": {"startLine": 1}},
            "logicalLocations": [{"fullyQualifiedName": finding.resource, "kind": "resource"}],
        }],
        // The same finding of the same resource is one alert, from run to run.
        "partialFingerprints": {"resource/v1": fingerprint},
    })
}

fn notification(unchecked: &Unchecked) -> Value {
    json!({
        "descriptor": {"id": "not-checked"},
        "associatedRule": {"id": unchecked.id},
        "level": "note",
        "message": {"text": format!("{}: not checked: {}", unchecked.resource, unchecked.why)},
    })
}

/// A path as a reference of a URI.
fn uri(path: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~/".contains(&b);
    path.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
