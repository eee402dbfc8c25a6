//! `offload doctor` on plans of both Terraform examples: nothing is found in them, and of each that
//! is broken in one place, that fault and no other; and on running services.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails at that line")]

mod broken;
mod plan;
mod running;

use std::{collections::BTreeSet, io::Write as _, process::Command};

use plan::Plan;
use serde_json::Value;

/// What the program printed, and its exit code.
struct Ran {
    text: String,
    error: String,
    code: i32,
}

fn doctor(arguments: &[&str]) -> Ran {
    let output =
        Command::new(env!("CARGO_BIN_EXE_offload")).arg("doctor").args(arguments).env_clear().output().unwrap();
    Ran {
        text: String::from_utf8(output.stdout).unwrap(),
        error: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap(),
    }
}

/// What is found in a plan.
fn on(plan: &Plan, arguments: &[&str]) -> Ran {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(plan.text().as_bytes()).unwrap();
    doctor(&[&["--plan", file.path().to_str().unwrap()], arguments].concat())
}

fn report(ran: &Ran) -> Value {
    let value: Value = serde_json::from_str(&ran.text).unwrap_or_else(|e| panic!("{e}: {}{}", ran.text, ran.error));
    value["report"].clone()
}

/// The ids of what was found.
fn ids(report: &Value) -> BTreeSet<&str> {
    report["findings"].as_array().unwrap().iter().map(|f| f["id"].as_str().unwrap()).collect()
}

#[test]
fn nothing_is_found_in_the_examples() {
    for name in ["minimal", "production", "minimal-fresh", "production-fresh"] {
        let ran = on(&Plan::named(name), &["--json", "--fail-on", "note"]);
        let report = report(&ran);
        assert!(ids(&report).is_empty() && ran.code == 0, "{name}: {}", ran.text);
        assert!(report["passed"].as_u64().unwrap() > 20, "{name}: {}", ran.text);
    }
}

#[test]
fn each_broken_set_up_has_its_finding_and_no_other() {
    let (mut wrong, mut found) = (Vec::new(), BTreeSet::new());
    for (what, id, plan) in broken::all() {
        let ran = on(&plan, &["--json"]);
        let report = report(&ran);
        found.insert(id);
        if ids(&report) != BTreeSet::from([id]) || ran.code != 1 {
            wrong.push(format!("{what}: {id} expected, exit code {}: {:?}", ran.code, report["findings"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // The clock belongs to no plan.
    let listed = doctor(&["--list"]).text;
    let listed = listed.lines().filter_map(|line| line.strip_prefix("## ")).filter(|id| *id != "clock-skew");
    assert_eq!(found, listed.collect(), "each kind of finding has a set-up that is broken so");
}

#[test]
fn what_is_known_only_after_apply_is_not_taken_for_good() {
    let report = report(&on(&Plan::named("minimal-fresh"), &["--json"]));
    let unchecked = report["not_checked"].as_array().unwrap();
    for id in ["plain-http-allowed", "public-access", "unused-permission", "retention-too-short"] {
        let of_id = unchecked.iter().find(|u| u["id"] == id).unwrap_or_else(|| panic!("{id}: {unchecked:?}"));
        assert!(of_id["why"].as_str().unwrap().ends_with("is known only after apply"), "{of_id}");
    }
}

#[test]
fn pipelines_choose_what_fails_them() {
    let plan = broken::all().into_iter().find(|(_, id, _)| *id == "ttl-off").unwrap().2;
    assert_eq!(on(&plan, &[]).code, 1);
    assert_eq!(on(&plan, &["--fail-on", "error"]).code, 0);
    assert_eq!(on(&plan, &["--skip", "ttl-off,no-alarm"]).code, 0);
    assert_eq!(on(&plan, &["--only", "no-alarm"]).code, 0);
    assert_eq!(on(&plan, &["--only", "ttl-off"]).code, 1);
    let unknown = on(&plan, &["--skip", "ttl"]);
    assert!(unknown.code == 2 && unknown.error.contains("offload doctor --list"), "{}", unknown.error);
}

#[test]
fn what_cannot_be_read_is_an_error_that_says_what_to_do() {
    let read = |text: &str| {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        doctor(&["--plan", file.path().to_str().unwrap()])
    };
    for (text, words) in [
        ("", "terraform show -json"),
        ("[]", "terraform show -json"),
        (r#"{"planned_values":{"root_module":{}}}"#, "no resources"),
        (
            r#"{"planned_values":{"root_module":{"resources":[{"address":"a.b","mode":"managed","type":"a","name":"b"}]}}}"#,
            "it is of something else",
        ),
    ] {
        let ran = read(text);
        assert!(ran.code == 2 && ran.error.contains(words) && ran.text.is_empty(), "{text}: {}", ran.error);
    }
    let missing = doctor(&["--plan", "/nowhere/plan.json"]);
    assert!(missing.code == 2 && missing.error.contains("cannot read /nowhere/plan.json"), "{}", missing.error);
    let settings = doctor(&[]);
    assert!(settings.code == 2 && settings.error.contains("OFFLOAD_BUCKET"), "{}", settings.error);
}

#[test]
fn people_read_what_why_and_how_to_mend_it() {
    let plan = broken::all().into_iter().find(|(_, id, _)| *id == "visibility-too-short").unwrap().2;
    let text = on(&plan, &[]).text;
    for part in ["error  visibility-too-short  module.offload", "Why: ", "Fix: ", "docs/reference/findings.md#visib"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.trim_end().lines().last().unwrap().contains("1 finding: 1 error;"), "{text}");
}

#[test]
fn sarif_has_a_rule_a_place_and_a_fingerprint_for_each_finding() {
    let plan = broken::all().into_iter().find(|(_, id, _)| *id == "ttl-off").unwrap().2;
    let ran = on(&plan, &["--sarif", "--location", "infra/my main.tf"]);
    let log: Value = serde_json::from_str(&ran.text).unwrap();
    let run = &log["runs"][0];
    assert!(log["version"] == "2.1.0" && ran.code == 1, "{log}");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let result = &run["results"][0];
    assert_eq!(run["results"].as_array().unwrap().len(), 1);
    let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
    assert!(rule["id"] == "ttl-off" && result["ruleId"] == "ttl-off" && result["level"] == "warning", "{result}");
    let place = &result["locations"][0];
    assert_eq!(place["physicalLocation"]["artifactLocation"]["uri"], "infra/my%20main.tf");
    assert_eq!(
        place["logicalLocations"][0]["fullyQualifiedName"],
        "module.offload.module.order_table.aws_dynamodb_table.this"
    );
    assert_eq!(result["partialFingerprints"]["resource/v1"].as_str().unwrap().len(), 64);
    let unchecked = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    assert!(unchecked.iter().any(|n| n["associatedRule"]["id"] == "clock-skew"), "{unchecked:?}");
}
