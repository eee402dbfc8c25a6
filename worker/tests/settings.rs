//! The program refuses to start with wrong settings, and reports all of them.
//!
//! Cargo builds a program for the integration tests of its own package: through these it is ready
//! for the tests of the whole system, which kill it.

use std::process::{Command, Output};

fn program(args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offload-worker"));
    command.args(args).env_clear().envs(variables.iter().copied()).output().expect("the program starts")
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let output = program(
        &[],
        &[
            ("OFFLOAD_CONCURRENCY", "many"),
            ("OFFLOAD_BUKET", "b"),
            ("OFFLOAD_TOKEN_SECRET", "too short to be a secret"),
        ],
    );
    let errors = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{errors}");
    for part in [
        "OFFLOAD_BUCKET",
        "OFFLOAD_TABLE",
        "OFFLOAD_QUEUE_URL",
        "OFFLOAD_PROCESSOR",
        "missing",
        "OFFLOAD_CONCURRENCY",
        "many",
        "OFFLOAD_BUKET",
    ] {
        assert!(errors.contains(part), "{part} is not named: {errors}");
    }
    assert!(!errors.contains("too short to be"), "a secret is not repeated: {errors}");
}

/// What a worker needs at least. Nothing answers at these addresses.
const STORES: [(&str, &str); 6] = [
    ("OFFLOAD_BUCKET", "b"),
    ("OFFLOAD_TABLE", "t"),
    ("OFFLOAD_QUEUE_URL", "http://127.0.0.1:1/q"),
    ("AWS_REGION", "eu-west-1"),
    ("AWS_ACCESS_KEY_ID", "key"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
];

#[test]
fn without_a_processor_it_does_not_start_and_names_the_choices() {
    let output = program(&[], &STORES);
    let errors = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{errors}");
    for choice in ["command (", "http (", "demo ("] {
        assert!(errors.contains(choice), "{choice} is not named: {errors}");
    }
}

#[test]
fn a_notifier_that_cannot_be_built_stops_the_start() {
    let push = [
        ("OFFLOAD_PROCESSOR", "demo"),
        ("OFFLOAD_NOTIFICATIONS_QUEUE_URL", "http://127.0.0.1:1/n"),
        ("OFFLOAD_WEBHOOK_SECRET", "whsec_c2hvcnQ="),
    ];
    let output = program(&[], &[&STORES[..], &push].concat());
    let errors = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("OFFLOAD_WEBHOOK_SECRET cannot be used"), "{errors}");
    assert!(!errors.contains("c2hvcnQ"), "a secret is not repeated: {errors}");
}

#[test]
fn help_is_no_error() {
    let output = program(&["--help"], &[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stdout).expect("text").contains("OFFLOAD_BUCKET"));
}
