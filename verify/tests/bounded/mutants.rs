//! The mutants apply to the code as it is; `just mutants` runs the tests without each guard.

use std::process::Command;

#[test]
fn every_guard_of_the_mutants_is_in_the_code() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/mutants/run.py");
    let output = Command::new("python3").args([script, "--check"]).output().expect("python3 runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
