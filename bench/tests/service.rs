//! `bench service` counts what it says.

use std::process::Command;

use serde_json::Value;

/// A short run of our programs and the floor.
fn figures(only: &str) -> Value {
    let bench = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args([
            "service",
            "--only",
            only,
            "--no-install",
            "--json",
            "--rounds",
            "1",
            "--seconds",
            "0.5",
            "--clients",
            "4",
        ])
        .output()
        .expect("it starts");
    assert!(bench.status.success(), "{}", String::from_utf8_lossy(&bench.stderr));
    serde_json::from_slice(&bench.stdout).expect("it is JSON")
}

fn number(round: &Value, member: &str) -> f64 {
    round[member].as_f64().unwrap_or_else(|| panic!("no {member}: {round}"))
}

#[test]
fn an_order_is_accepted_in_three_calls() {
    let figures = figures("api");
    let apis = figures["apis"].as_array().unwrap();
    let names: Vec<_> = apis.iter().map(|api| api["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["offload-api", "floor"]);
    let rounds: Vec<&Value> = apis.iter().map(|api| &api["rounds"][0]).collect();
    for round in &rounds {
        assert!((number(round, "calls_per_order") - 3.0).abs() < 1e-9, "{round}");
        assert!(number(round, "slow_p50_ms") >= 5.0, "faster than a call: {round}");
        assert!(number(round, "idle_mb") > 1.0 && number(round, "loaded_mb") > 1.0, "{round}");
    }
    assert!(number(rounds[1], "processor_us") < number(rounds[0], "processor_us"), "that is no floor: {figures}");
}

#[test]
fn a_message_is_worked_off_with_one_put() {
    let figures = figures("worker");
    let round = &figures["workers"][0]["rounds"][0];
    assert!((number(round, "puts_per_message") - 1.0).abs() < 1e-9, "{round}");
    assert!(number(round, "messages_per_second") > 0.0, "{round}");
}
