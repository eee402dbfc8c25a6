//! The commands of operators: what they print, and what they do.

use std::process::{Command, Output};

use offload_tests::{
    Process, Setup, System, eventually,
    orders::{report, with_options},
    program,
};
use serde_json::{Value, json};

use super::admin::{failing, listed, setup};

/// Runs a command on the stores of a system.
fn offload(system: &System, args: &[&str]) -> Output {
    Command::new(program("offload")).args(args).env_clear().envs(system.variables()).output().unwrap()
}

/// What a command prints as JSON; one that fails fails the test.
fn printed(system: &System, args: &[&str]) -> Value {
    let output = offload(system, args);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {error}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{args:?}: {e}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_listed_printed_and_cancelled_by_a_filter() {
    let system = Setup { workers: 0, ..setup() }.start().await;
    let mut ids = Vec::new();
    for n in 0..3 {
        let labels = json!({"labels": {"n": n.to_string()}});
        ids.push(system.order(&with_options(report(1), labels)).await.id);
    }
    eventually("all are listed", async || (listed(&system, "").await.len() == 3).then_some(())).await;
    let list = printed(&system, &["orders", "list", "--json", "--where", "kind:report label:n=1"]);
    assert_eq!((&list["orders"][0]["id"], &list["next"]), (&json!(ids[1]), &json!(null)), "{list}");
    let by_id = printed(&system, &["orders", "list", "--json", "--where", &ids[2]]);
    assert_eq!(by_id["orders"][0]["id"], ids[2]);
    let order = printed(&system, &["orders", "show", &ids[0], "--payload"]);
    assert_eq!(
        (&order["payload"], &order["status"], &order["kind"]),
        (&report(1), &json!("pending"), &json!("report"))
    );
    let wrong = offload(&system, &["orders", "list", "--where", "kind:a colour:red"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("at 8: colour:red is no word of a filter"));

    let cancelled = printed(&system, &["orders", "cancel", &ids[0], "--json"]);
    assert_eq!(cancelled["outcome"], "cancelled");
    let dry = printed(&system, &["orders", "cancel", "--where", "kind:report", "--dry-run", "--json"]);
    assert_eq!(dry["count"], 2, "{dry}");
    let unasked = offload(&system, &["orders", "cancel", "--where", "kind:report"]);
    assert_eq!(unasked.status.code(), Some(2), "there is no terminal to confirm on");
    let action = printed(&system, &["orders", "cancel", "--where", "kind:report", "--yes", "--json"]);
    assert_eq!((&action["state"], &action["done"]), (&json!("done"), &json!(2)), "{action}");
    let id = action["id"].as_str().unwrap();
    assert_eq!(printed(&system, &["actions", "list", "--json"])["actions"][0]["id"], id);
    assert_eq!(printed(&system, &["actions", "show", id, "--json"])["verb"], "cancel");
    let nothing = offload(&system, &["actions", "start", "cancel", "--where", "kind:report", "--yes"]);
    assert_eq!(nothing.status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_orders_are_retried_and_workers_are_listed() {
    let system = failing().start().await;
    let receipt = system.order(&report(1)).await;
    assert_eq!(system.done(&receipt).await["status"], "failed");
    eventually("it is a dead letter", async || (listed(&system, "state:dead").await.len() == 1).then_some(())).await;
    let retried = printed(&system, &["orders", "retry", &receipt.id, "--json"]);
    assert_eq!(retried["outcome"], "pending, generation 2");
    let workers = printed(&system, &["workers", "--json"]);
    assert_eq!((&workers["workers"][0]["alive"], workers["workers"].as_array().unwrap().len()), (&json!(true), 1));
    let answer = printed(&system, &["top", "--json", "--api", &system.apis[0], "--key", super::admin::KEY]);
    assert_eq!(answer["workers"]["alive"], 1, "{answer}");
    let mut keyless = Command::new(program("offload"));
    let refused = keyless.args(["top", "--json", "--api", &system.apis[0]]).env_clear().output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("The caller is not known"));
}

#[test]
fn shells_and_manuals_know_every_command() {
    let run = |args: &[&str]| Command::new(program("offload")).args(args).env_clear().output().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = run(&["completions", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains("webhooks") && script.contains("dry-run"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man");
    assert!(run(&["man", pages.to_str().unwrap()]).status.success());
    for page in ["offload.1", "offload-orders.1", "offload-actions-start.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".SH SYNOPSIS"), "{page}");
    }
    let output = run(&["open", "--print", "--api", "http://127.0.0.1:9/console/"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "http://127.0.0.1:9/console/\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stack_runs_alone() {
    let args = ["stack", "--json", "--s3=127.0.0.1:0", "--sqs=127.0.0.1:0", "--dynamodb=127.0.0.1:0"];
    let mut stack = Process::start("offload", &args, &[]);
    let ready = stack.ready();
    for service in ["s3", "sqs", "dynamodb", "sts"] {
        let answer = reqwest::get(ready[service].as_str().unwrap()).await.unwrap();
        assert!(answer.status().as_u16() < 500, "{service}: {}", answer.status());
    }
    assert!(ready.get("api").is_none() && ready["secret_access_key"].is_string());
}
