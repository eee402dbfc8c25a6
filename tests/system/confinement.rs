//! What the program of the processor `command` can learn of the worker that runs it.

use offload_tests::{ANYWHERE, Poller, Process, Receipt, Response, eventually, orders::fulfilment, program};
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

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_at_any_level() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut up = std::process::Command::new(program("offload"));
    up.args(["up", "--json", "--job-seconds", "0.05", "--log", "trace,s3s=trace"]).args(ANYWHERE);
    up.arg("--loopback-webhooks")
        .env_clear()
        .stdout(std::process::Stdio::piped())
        .stderr(std::fs::File::create(&log).unwrap());
    let mut up = up.spawn().unwrap();
    let mut ready = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(up.stdout.take().unwrap()), &mut ready).unwrap();
    let ready: Value = serde_json::from_str(&ready).unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::new();
    let api = ready["api"].as_str().unwrap();
    let webhook = format!("{api}/no-such-receiver?key=the-receivers-key");
    let order = json!({"kind": "fulfilment", "items": [{"sku": "the-payload", "quantity": 1}], "options": {"webhook_url": webhook}});
    let receipt =
        Receipt::of(&Response::of(http.post(format!("{api}/order")).json(&order).send().await.unwrap()).await);
    let held = http.get(format!("{api}/order/{}?token={}", receipt.id, receipt.token)).header("prefer", "wait=20");
    assert_eq!(held.send().await.unwrap().status(), 200);
    assert_eq!(http.get(&receipt.status_url).send().await.unwrap().status(), 200);
    let text = || std::fs::read_to_string(&log).unwrap();
    eventually("the webhook was tried", async || text().contains("webhook").then_some(())).await;
    up.kill().unwrap();
    up.wait().unwrap();
    let text = text();
    assert!(text.contains("DEBUG") && text.lines().count() > 100, "it is the log of everything");
    let secret = |name: &str| ready[name].as_str().unwrap().to_owned();
    for (what, secret) in [
        ("a webhook's URL", "the-receivers-key".to_owned()),
        ("an order's payload", "the-payload".to_owned()),
        ("a presigned URL", "X-Amz-Signature=".to_owned()),
        ("an order's token", receipt.token.clone()),
        ("a key of AWS", secret("secret_access_key")),
        ("the webhooks' secret", secret("webhook_secret")),
    ] {
        let line = text.lines().find(|line| line.contains(&secret));
        assert!(line.is_none(), "{what} is logged: {line:?}");
    }
}
