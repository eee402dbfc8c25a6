//! The commands and snippets of the README work as they are printed there.

use std::process::Command;

use offload_tests::Process;
use serde_json::Value;

const README: &str = include_str!("../../README.md");

/// The fenced block of the README in `language` that holds `part`.
fn block(language: &str, part: &str) -> &'static str {
    let fence = format!("```{language}\n");
    let mut blocks = README.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("```").next());
    blocks.find(|block| block.contains(part)).unwrap_or_else(|| panic!("no block of the README has {part}"))
}

fn up() -> (Process, Value) {
    let free = "127.0.0.1:0";
    let args = ["up", "--json", "--api", free, "--s3", free, "--sqs", free, "--dynamodb", free, "--job-seconds", "1"];
    let mut process = Process::start("offload", &args, &[]);
    let ready = process.ready();
    (process, ready)
}

/// Runs a program of the README; its standard output.
fn run(program: &str, flag: &str, text: &str) -> String {
    let output = Command::new(program).args([flag, text]).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn an_order_is_submitted_and_polled_with_curl() {
    let (_up, ready) = up();
    let folder = tempfile::tempdir().unwrap();
    // The ports that were free, in place of the usual ones.
    let commands = block("sh", "tee receipt.json").replace("http://127.0.0.1:8080", ready["api"].as_str().unwrap());
    let output = Command::new("bash").args(["-euo", "pipefail", "-c", &commands]).current_dir(folder.path()).output();
    let output = output.unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
    for part in ["\"status\":\"pending\"", "\"status\":\"completed\"", "\"done\":true", "\"result_url\":\"http"] {
        assert!(printed.contains(part), "{part} is not in {printed}");
    }
    assert!(printed.ends_with("304\n"), "{printed}");
}

#[test]
fn the_short_clients_wait_for_the_end_of_an_order() {
    let (_up, ready) = up();
    let api = ready["api"].as_str().unwrap();
    let order = r#"{"kind": "report", "rows": 10, "delay_ms": 3000}"#;
    for (function, part) in [("wait", "def wait"), ("follow", "def follow")] {
        let client = block("python", part);
        let program = format!(
            "{client}\nrequest = urllib.request.Request('{api}/order', b'{order}', {{'content-type': 'application/json'}})\n\
             print({function}(json.load(urllib.request.urlopen(request)))['status'])"
        );
        assert_eq!(run("python3", "-c", &program), "completed\n", "{part}");
    }
    let client = block("js", "async function follow");
    let program = format!(
        "{client}\nconst response = await fetch('{api}/order', {{ method: 'POST', body: '{order}', \
         headers: {{ 'content-type': 'application/json' }} }});\n\
         console.log((await follow(await response.json())).status);"
    );
    assert_eq!(run("node", "--input-type=module", &format!("--eval={program}")), "completed\n");
}
