//! The programs refuse to start on wrong settings, and say all that is wrong.

use std::process::Command;

use offload_tests::program;

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    for (name, number) in
        [("offload-api", "OFFLOAD_MAX_CONCURRENT_REQUESTS"), ("offload-worker", "OFFLOAD_CONCURRENCY")]
    {
        let output = Command::new(program(name))
            .env_clear()
            .env(number, "many")
            .env("OFFLOAD_BUKET", "b")
            .env("OFFLOAD_TOKEN_SECRET", "too short to be a secret")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        for part in ["OFFLOAD_BUCKET", "OFFLOAD_TABLE", "OFFLOAD_QUEUE_URL", "missing", number, "many", "OFFLOAD_BUKET"]
        {
            assert!(said.contains(part), "{name} does not name {part}: {said}");
        }
        assert!(!said.contains("too short to be"), "a secret is not repeated");
    }
}

#[test]
fn help_is_no_error() {
    for name in ["offload-api", "offload-worker"] {
        let output = Command::new(program(name)).arg("--help").output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert!(String::from_utf8(output.stdout).unwrap().contains("OFFLOAD_BUCKET"));
    }
}
