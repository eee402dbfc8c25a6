//! What the doctor finds in a service that works, and in one in which one thing is broken.

use offload_local::{FaultPlan, Outage, Service};
use offload_tests::{Setup, System, eventually, orders::report};
use serde_json::{Value, json};

use super::admin::{failing, get, setup};

fn ids(checks: &Value) -> Vec<&str> {
    checks.as_array().unwrap().iter().map(|check| check["id"].as_str().unwrap()).collect()
}

/// Asks until something is found.
async fn found(system: &System) -> Value {
    eventually("something is found", async || {
        let diagnosis = get(system, "/admin/doctor").await;
        (diagnosis["findings"] != json!([])).then_some(diagnosis)
    })
    .await
}

/// That only this is found, and how bad it is.
#[track_caller]
fn assert_only(diagnosis: &Value, id: &str, severity: &str) {
    let findings = &diagnosis["findings"];
    assert_eq!((ids(findings), &findings[0]["severity"]), (vec![id], &json!(severity)), "{diagnosis}");
    for member in ["title", "what", "why", "fix", "docs"] {
        assert!(!findings[0][member].as_str().unwrap().is_empty(), "{member}: {findings}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_nothing_until_the_workers_stop() {
    let mut system = setup().start().await;
    let receipt = system.order(&report(1)).await;
    system.done(&receipt).await;
    let healthy = eventually("the worker has reported", async || {
        let diagnosis = get(&system, "/admin/doctor").await;
        assert_eq!(diagnosis["findings"], json!([]), "{diagnosis}");
        let reported = get(&system, "/admin/workers").await["workers"] != json!([]);
        reported.then_some(diagnosis)
    })
    .await;
    // The only order that ended says little of estimates, and that is said.
    assert_eq!(ids(&healthy["not_checked"]), ["estimates-wrong"], "{healthy}");
    assert_eq!(healthy["passed"].as_array().unwrap().len(), 11);

    system.stop_workers().await;
    system.order(&report(1)).await;
    let diagnosis = found(&system).await;
    assert_only(&diagnosis, "orders-without-workers", "error");
    let what = diagnosis["findings"][0]["what"].as_str().unwrap();
    assert!(what.starts_with("1 order to be worked on, the oldest for 1"), "{what}");
    assert!(what.contains("the last worker that reported was "), "{what}");

    system.add_worker();
    eventually("it is well again", async || {
        (get(&system, "/admin/doctor").await["findings"] == json!([])).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_orders_that_were_dead_lettered() {
    let system = failing().start().await;
    let receipt = system.order(&report(1)).await;
    assert_eq!(system.done(&receipt).await["status"], "failed");
    let diagnosis = found(&system).await;
    assert_only(&diagnosis, "dead-letters-grew", "warning");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_answers_while_a_store_fails() {
    let system = Setup { workers: 0, ..setup() }.start().await;
    let outage = || FaultPlan { outage: Some(Outage::Unavailable), ..FaultPlan::default() };
    system.stack.faults(Service::S3).set(outage());
    let diagnosis = found(&system).await;
    assert_only(&diagnosis, "store-fails", "error");
    assert_eq!(diagnosis["findings"][0]["what"], "unavailable: S3");

    system.stack.faults(Service::S3).clear();
    system.stack.faults(Service::DynamoDb).set(outage());
    let diagnosis = eventually("the index cannot be read", async || {
        let diagnosis = get(&system, "/admin/doctor").await;
        (ids(&diagnosis["not_checked"]).len() > 1).then_some(diagnosis)
    })
    .await;
    assert_only(&diagnosis, "store-fails", "error");
    assert_eq!(ids(&diagnosis["passed"]), ["credentials-end", "clock-skew"], "{diagnosis}");
    let why = diagnosis["not_checked"][0]["why"].as_str().unwrap();
    assert!(why.starts_with("the order table could not be read ("), "{why}");
}
