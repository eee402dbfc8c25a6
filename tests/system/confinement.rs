//! What the program of the processor `command` can learn of the worker that runs it.

use offload_tests::{Poller, Process, Response, orders::fulfilment};
use serde_json::{Value, json};

/// Says which variables it has, and what of its parent it can read.
const PROGRAM: &str = "\
import json, os, sys
def readable(path):
    try:
        with open(path, 'rb') as file:
            return len(file.read(1)) or True
    except OSError:
        return False
parent = os.getppid()
environment = readable(f'/proc/{parent}/environ')
memory = True
try:
    os.close(os.open(f'/proc/{parent}/mem', os.O_RDONLY))
except OSError:
    memory = False
print(json.dumps({'result': {'variables': sorted(os.environ), 'environment': bool(environment), 'memory': memory}}))
";

#[tokio::test(flavor = "multi_thread")]
async fn a_program_reads_no_secret_of_the_worker_that_runs_it() {
    let command = json!(["python3", "-c", PROGRAM]).to_string();
    let args = [
        &["up", "--json", "--api", "0", "--s3", "0", "--sqs", "0", "--dynamodb", "0"][..],
        &["--processor", "command", "--command", &command, "--command-env", "SHOP_*"],
    ];
    let variables = [
        ("OFFLOAD_MERCURE_JWT", "private"),
        ("AWS_SECRET_ACCESS_KEY", "private"),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "private"),
        ("SHOP_URL", "https://shop.example"),
        ("LC_ALL", "C"),
    ];
    let mut service = Process::start_unprivileged("offload", &args.concat(), &variables);
    let ready = service.ready();
    let http = reqwest::Client::new();
    let post = http.post(format!("{}/order", ready["api"].as_str().unwrap())).json(&fulfilment());
    let receipt: Value = Response::of(post.send().await.unwrap()).await.json();
    let url = receipt["status_url"].as_str().unwrap();
    let done = Poller::default().until_done(&http, url).await;
    let result = &done["result"];
    assert_eq!(result["environment"], false, "{done}");
    assert_eq!(result["memory"], false, "{done}");
    let variables: Vec<&str> = result["variables"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for name in ["PATH", "LC_ALL", "SHOP_URL", "OFFLOAD_ORDER_ID", "OFFLOAD_ATTEMPT"] {
        assert!(variables.contains(&name), "{name} is not in {variables:?}");
    }
    assert!(!variables.iter().any(|v| v.starts_with("AWS_") || v.contains("JWT")), "{variables:?}");
}
