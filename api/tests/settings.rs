//! The program does not start with wrong settings, and reports all that are wrong.

use std::process::{Command, Output};

fn program(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offload-api"));
    command.args(args).env_clear().envs(variables.iter().copied()).output().expect("the program starts")
}

#[test]
fn every_wrong_setting_is_reported_at_once() {
    let output = program(
        &[],
        &[
            ("OFFLOAD_MAX_CONCURRENT_REQUESTS", "many"),
            ("OFFLOAD_BUKET", "b"),
            ("OFFLOAD_TOKEN_SECRET", "too short to be a secret"),
        ],
    );
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in [
        "OFFLOAD_BUCKET",
        "OFFLOAD_TABLE",
        "OFFLOAD_QUEUE_URL",
        "missing",
        "OFFLOAD_MAX_CONCURRENT_REQUESTS",
        "many",
        "OFFLOAD_BUKET",
    ] {
        assert!(said.contains(part), "{part} is not named: {said}");
    }
    assert!(!said.contains("too short to be"), "a secret is not repeated: {said}");
}

#[test]
fn help_is_no_error() {
    let output = program(&["--help"], &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).expect("text").contains("OFFLOAD_BUCKET"));
}

#[test]
fn an_api_that_does_not_listen_is_not_healthy() {
    let secret = "s".repeat(32);
    let variables = [
        ("OFFLOAD_BUCKET", "b"),
        ("OFFLOAD_TABLE", "t"),
        ("OFFLOAD_QUEUE_URL", "http://127.0.0.1:1/q"),
        ("OFFLOAD_TOKEN_SECRET", secret.as_str()),
        ("OFFLOAD_AUTH", "none"),
        ("OFFLOAD_LISTEN", "127.0.0.1:1"),
    ];
    assert_eq!(program(&["--healthcheck"], &variables).status.code(), Some(1));
}

#[test]
fn push_without_a_notifications_queue_is_refused() {
    let secret = "s".repeat(32);
    let variables = [
        ("OFFLOAD_BUCKET", "b"),
        ("OFFLOAD_TABLE", "t"),
        ("OFFLOAD_QUEUE_URL", "http://127.0.0.1:1/q"),
        ("OFFLOAD_TOKEN_SECRET", secret.as_str()),
        ("OFFLOAD_AUTH", "none"),
        ("OFFLOAD_INTERNAL_SECRET", secret.as_str()),
        ("OFFLOAD_WEBHOOKS", "true"),
        ("OFFLOAD_MERCURE_URL", "https://hub.example/.well-known/mercure"),
    ];
    let output = program(&[], &variables);
    let said = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{said}");
    for part in
        ["OFFLOAD_INTERNAL_SECRET", "OFFLOAD_WEBHOOKS", "OFFLOAD_MERCURE_URL", "OFFLOAD_NOTIFICATIONS_QUEUE_URL"]
    {
        assert!(said.contains(part), "{part} is not named: {said}");
    }
    assert!(!said.contains(&secret), "a secret is not repeated: {said}");
}
