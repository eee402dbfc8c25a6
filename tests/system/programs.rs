//! The real programs, as a person runs them.

use std::{path::Path, process::Command, time::Duration};

use futures_util::future::join_all;
use offload_tests::{ANYWHERE, Poller, Process, Receipt, Response, Setup, eventually, orders::fulfilment, program};
use serde_json::{Value, json};

fn up(args: &[&str], variables: &[(&str, &str)]) -> (Process, Value) {
    let all = [&["up", "--json"], &ANYWHERE[..], args].concat();
    let mut process = Process::start("offload", &all, variables);
    let ready = process.ready();
    (process, ready)
}

async fn submit(http: &reqwest::Client, ready: &Value, order: &Value) -> Receipt {
    let url = format!("{}/order", ready["api"].as_str().unwrap());
    Receipt::of(&Response::of(http.post(url).json(order).send().await.unwrap()).await)
}

/// The order by the api. A status URL has the port of its process and does not outlive it.
async fn read(http: &reqwest::Client, ready: &Value, receipt: &Receipt) -> Value {
    let url = format!("{}/order/{}", ready["api"].as_str().unwrap(), receipt.id);
    Response::of(http.get(url).bearer_auth(&receipt.token).send().await.unwrap()).await.json()
}

async fn until_done(http: &reqwest::Client, ready: &Value, receipt: &Receipt) -> Value {
    let url = read(http, ready, receipt).await["status_url"].as_str().unwrap().to_owned();
    Poller::default().until_done(http, &url).await
}

fn data(folder: &Path) -> [&str; 2] {
    ["--data", folder.to_str().unwrap()]
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_orders_survive_kill_9_of_everything() {
    let folder = tempfile::tempdir().unwrap();
    let http = reqwest::Client::new();
    let slow = [&data(folder.path())[..], &["--job-seconds", "1", "--workers", "4"]].concat();
    let settings = [("OFFLOAD_VISIBILITY_SECONDS", "3")];
    let (mut first, ready) = up(&slow, &settings);
    let order = fulfilment();
    let receipts = join_all((0..20).map(|_| submit(&http, &ready, &order))).await;
    eventually("some are done and some are not", async || {
        (read(&http, &ready, &receipts[0]).await["done"] == true).then_some(())
    })
    .await;
    first.kill();
    let (second, ready) = up(&slow, &settings);
    for receipt in &receipts {
        let done = until_done(&http, &ready, receipt).await;
        assert_eq!(done["status"], "completed", "{done}");
    }
    drop(second);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_running_orders_survive_sigterm() {
    let folder = tempfile::tempdir().unwrap();
    let http = reqwest::Client::new();
    let fifty = [&data(folder.path())[..], &["--job-seconds", "6", "--workers", "50"]].concat();
    let settings = [("OFFLOAD_SHUTDOWN_GRACE_SECONDS", "3")];
    let (mut first, ready) = up(&fifty, &settings);
    let order = fulfilment();
    let receipts = join_all((0..50).map(|_| submit(&http, &ready, &order))).await;
    eventually("all run", async || {
        let all = join_all(receipts.iter().map(|r| read(&http, &ready, r))).await;
        all.iter().all(|t| t["status"] == "processing").then_some(())
    })
    .await;
    first.terminate();
    let status = first.ended(Duration::from_secs(3 + 5)).await;
    assert!(status.success(), "{status}");
    let (_second, ready) = up(&fifty, &settings);
    for done in join_all(receipts.iter().map(|r| until_done(&http, &ready, r))).await {
        assert_eq!(done["status"], "completed", "{done}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_again_and_again_loses_nothing() {
    use offload_service::settings::catalogue as c;
    let system = Setup { workers: 0, ..Setup::default() }.with(c::VISIBILITY_SECONDS, 3).start().await;
    let receipt = system.order(&fulfilment()).await;
    let variables = system.variables();
    let variables: Vec<(&str, &str)> = variables.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let mut starts = Vec::new();
    for attempt in 1..=3u64 {
        let mut worker = Process::start("offload-worker", &["--job-seconds", "600"], &variables);
        let started = eventually("the order is started", async || {
            let order = system.get(&receipt).await.json();
            (order["attempt"] == attempt).then_some(order)
        })
        .await;
        starts.push(started["updated_at"].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap());
        worker.kill();
    }
    assert!(starts.windows(2).all(|w| (w[1] - w[0]).num_seconds() >= 2), "each after the lease before it: {starts:?}");
    let _last = Process::start("offload-worker", &["--job-seconds", "0.1"], &variables);
    let done = system.done(&receipt).await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(4)), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_lists_dead_orders_and_redrives_them() {
    let file = tempfile::NamedTempFile::new().unwrap();
    // Fails until the file has content.
    let script = format!("import sys\nsys.exit(0 if open({:?}).read() else 75)", file.path());
    let command = json!(["python3", "-c", script]).to_string();
    let (_process, ready) = up(&["--processor", "command", "--command", &command], &[("OFFLOAD_MAX_ATTEMPTS", "1")]);
    let http = reqwest::Client::new();
    let receipt = submit(&http, &ready, &fulfilment()).await;
    assert_eq!(until_done(&http, &ready, &receipt).await["status"], "failed");

    let text = |name: &str| ready[name].as_str().unwrap().to_owned();
    let dlq = |args: &[&str]| {
        let output = Command::new(program("offload"))
            .arg("dlq")
            .args(args)
            .env("AWS_ENDPOINT_URL_S3", text("s3"))
            .env("AWS_ENDPOINT_URL_SQS", text("sqs"))
            .env("AWS_ENDPOINT_URL_DYNAMODB", text("dynamodb"))
            .env("AWS_REGION", text("region"))
            .env("AWS_ACCESS_KEY_ID", text("access_key_id"))
            .env("AWS_SECRET_ACCESS_KEY", text("secret_access_key"))
            .env("OFFLOAD_BUCKET", text("bucket"))
            .env("OFFLOAD_TABLE", text("table"))
            .env("OFFLOAD_QUEUE_URL", text("queue_url"))
            .env("OFFLOAD_DEAD_LETTER_QUEUE_URL", text("dead_letter_queue_url"))
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), printed)
    };
    let (code, listed) = dlq(&["list"]);
    assert!(code == Some(0) && listed.contains(&receipt.id) && listed.contains("1 dead-lettered order"), "{listed}");
    let (_, detail) = dlq(&["show", &receipt.id]);
    assert!(detail.contains("attempts-exhausted") && detail.contains("A-1"), "{detail}");
    let (_, tried) = dlq(&["redrive", "--all", "--dry-run"]);
    assert!(tried.contains("would be redriven"), "{tried}");
    assert_eq!(read(&http, &ready, &receipt).await["status"], "failed", "a dry run does nothing");
    let (code, unconfirmed) = dlq(&["redrive", "--all"]);
    assert!(code == Some(2) && unconfirmed.contains("--yes"), "without a terminal nothing confirms: {unconfirmed}");
    std::fs::write(file.path(), "works again").unwrap();
    let (code, redriven) = dlq(&["redrive", "--all", "--yes"]);
    assert!(code == Some(0) && redriven.contains("generation 2"), "{redriven}");
    eventually("the redriven order completes", async || {
        (read(&http, &ready, &receipt).await["status"] == "completed").then_some(())
    })
    .await;
    let (_, listed) = dlq(&["list"]);
    assert!(listed.contains("0 dead-lettered orders"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_root_certificates_what_needs_no_tls_goes_on() {
    let none = [("SSL_CERT_FILE", "/nonexistent"), ("SSL_CERT_DIR", "/nonexistent")];
    let (_up, ready) = up(&["--job-seconds", "0.5"], &none);
    let http = reqwest::Client::new();
    let url = format!("{}/order", ready["api"].as_str().unwrap());
    let held = http.post(url).header("prefer", "wait=20").json(&fulfilment()).send().await.unwrap();
    assert_eq!(held.status(), 200, "the client that waits is notified of the end");
    // What cannot work stops the start.
    let mut aws = Command::new(program("offload-api"));
    aws.env_clear().envs(none).env("AWS_REGION", "eu-west-1").envs([
        ("AWS_ACCESS_KEY_ID", "a"),
        ("AWS_SECRET_ACCESS_KEY", "b"),
        ("OFFLOAD_AUTH", "none"),
        ("OFFLOAD_BUCKET", "status"),
        ("OFFLOAD_TABLE", "orders"),
        ("OFFLOAD_QUEUE_URL", "https://sqs.eu-west-1.amazonaws.com/1/orders"),
        ("OFFLOAD_TOKEN_SECRET", "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0IHNlY3JldA=="),
        ("OFFLOAD_LISTEN", "127.0.0.1:0"),
    ]);
    let mut endpoint = Command::new(program("offload"));
    endpoint.args(["up", "--processor", "http", "--http-url", "https://example.com/"]).args(ANYWHERE);
    endpoint.env_clear().envs(none);
    for mut command in [aws, endpoint] {
        let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let printed = [ended.stdout, ended.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        assert!(!ended.status.success() && printed.contains("has no root certificates"), "{printed}");
    }
}
