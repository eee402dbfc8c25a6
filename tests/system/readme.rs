//! What the README tells a newcomer to type works as it stands there.

use std::process::Command;

use offload_tests::Process;

const README: &str = include_str!("../../README.md");

/// The commands of the README that hold `part`, one fenced block.
fn block(part: &str) -> &'static str {
    let mut blocks = README.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.contains(part)).unwrap_or_else(|| panic!("no block of the README has {part}"))
}

#[test]
fn an_order_is_placed_and_followed_with_curl() {
    let free = "127.0.0.1:0";
    let args = ["up", "--json", "--api", free, "--s3", free, "--sqs", free, "--dynamodb", free];
    let mut up = Process::start("offload", &args, &[]);
    let ready = up.ready();
    let folder = tempfile::tempdir().unwrap();
    // On the ports that were free instead of the usual ones.
    let commands = block("tee receipt.json").replace("http://127.0.0.1:8080", ready["api"].as_str().unwrap());
    let output = Command::new("bash").args(["-euo", "pipefail", "-c", &commands]).current_dir(folder.path()).output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    for part in ["\"status\":\"pending\"", "\"status\":\"completed\"", "\"done\":true", "\"result_url\":\"http"] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert!(said.ends_with("304\n"), "{said}");
}
