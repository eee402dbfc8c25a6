//! The work itself, with every kind of processor.

use std::time::Duration;

use offload_local::{FaultPlan, Service};
use offload_service::settings::catalogue as c;
use offload_tests::{
    Poller, Setup, eventually,
    orders::{fulfilment, report, with_options},
};
use serde_json::{Value, json};

fn python(program: &str) -> Setup {
    let command = json!(["python3", "-c", program]).to_string();
    Setup::default()
        .with(c::PROCESSOR, "command")
        .with(c::COMMAND, command)
        .with(c::PROCESSING_AFTER_MS, 0)
        .with(c::PROGRESS_WRITES, "live")
}

async fn end_of(setup: Setup) -> Value {
    let system = setup.start().await;
    let receipt = system.order(&fulfilment()).await;
    system.done(&receipt).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_reports_progress_and_a_result() {
    let script = r#"
import json, sys, time
order = json.load(sys.stdin)["order"]
for percent in (25, 50, 75):
    print(json.dumps({"progress": percent, "message": f"packing {percent}"}), flush=True)
    time.sleep(0.4)
print(json.dumps({"result": {"boxes": len(order["items"])}}))
"#;
    let system = python(script).start().await;
    let receipt = system.order(&fulfilment()).await;
    let object = eventually("progress is published", async || {
        let object = system.poll(&receipt).await.json();
        object["progress"]["percent"].is_u64().then_some(object)
    })
    .await;
    assert!(object["progress"]["message"].as_str().unwrap().starts_with("packing"), "{object}");
    assert!(object["eta"]["at"].is_string() && object["poll_after_ms"].is_u64(), "{object}");
    let mut poller = Poller::default();
    let done = poller.until_done(&system.http, &receipt.status_url).await;
    assert_eq!((done["status"].as_str(), &done["result"]), (Some("completed"), &json!({"boxes": 1})));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_exits_with_1_fails_its_order() {
    let done = end_of(python("import sys; print('secret', file=sys.stderr); sys.exit(1)")).await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("failed"), Some(1)), "{done}");
    assert!(done["error"]["type"].as_str().unwrap().ends_with("/processing-failed"), "{done}");
    assert!(!done.to_string().contains("secret"), "what a program logs is not for the client");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_asks_for_a_retry_gets_one() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let script = format!(
        "import sys\nf = open({:?}, 'a+')\nf.write('x')\nf.flush()\nf.seek(0)\nsys.exit(0 if len(f.read()) >= 3 else 75)",
        file.path()
    );
    let done = end_of(python(&script)).await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(3)), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_waits_between_attempts_grow() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let script = format!("import sys, time\nprint(time.time(), file=open({:?}, 'a'))\nsys.exit(75)", file.path());
    let done = end_of(python(&script).with(c::MAX_ATTEMPTS, 4).with(c::RETRY_BASE_SECONDS, 2)).await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("failed"), Some(4)), "{done}");
    let text = std::fs::read_to_string(file.path()).unwrap();
    let starts: Vec<f64> = text.lines().map(|l| l.parse().unwrap()).collect();
    let waits: Vec<f64> = starts.windows(2).map(|w| w[1] - w[0]).collect();
    // At least half of 2, 4 and 8 s; the other half is chance.
    assert!(waits.len() == 3 && waits.iter().zip([1.0, 2.0, 4.0]).all(|(wait, least)| *wait >= least), "{waits:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_not_retried_for_ever() {
    let done = end_of(python("import sys; sys.exit(75)").with(c::MAX_ATTEMPTS, 3)).await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("failed"), Some(3)), "{done}");
    assert!(done["error"]["type"].as_str().unwrap().ends_with("/attempts-exhausted"), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_never_ends_is_stopped() {
    let done = end_of(python("import time\nwhile True: time.sleep(1)").with(c::JOB_TIMEOUT_SECONDS, 1)).await;
    assert!(done["error"]["type"].as_str().unwrap().ends_with("/processing-timed-out"), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_prints_garbage_fails_with_the_line_named() {
    let done = end_of(python("print('{\"progress\": 10}')\nprint('hunter2')")).await;
    assert!(done["error"]["type"].as_str().unwrap().ends_with("/processor-protocol"), "{done}");
    assert!(done["error"]["detail"].as_str().unwrap().contains("line 2"), "{done}");
    assert!(!done.to_string().contains("hunter2"), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_script_that_prints_ten_megabytes_is_cut_off() {
    let done = end_of(python("import sys\nsys.stdout.write('x' * 10_000_000)")).await;
    assert_eq!(done["status"], "failed", "{done}");
    let noise = "import sys\nsys.stderr.write('x' * 10_000_000)\nprint('{\"result\": 1}')";
    assert_eq!(end_of(python(noise)).await["result"], 1, "but a log may have any length");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_is_linked() {
    let script = "import json\nprint(json.dumps({'result': {'text': 'x' * 50_000}}))";
    let system = python(script).start().await;
    let receipt = system.order(&fulfilment()).await;
    let done = system.done(&receipt).await;
    assert!(done["result"].is_null() && done["result_url_expires_at"].is_string(), "{done}");
    let result = system.send(system.http.get(done["result_url"].as_str().unwrap())).await;
    assert_eq!(result.json()["text"].as_str().unwrap().len(), 50_000);
    let order = system.get(&receipt).await.json();
    assert_eq!(system.send(system.http.get(order["result_url"].as_str().unwrap())).await.status, 200, "renewed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_is_a_csv_to_download() {
    let system = Setup::default().start().await;
    let receipt = system.order(&report(1_000)).await;
    let done = system.done(&receipt).await;
    assert_eq!(done["status"], "completed", "{done}");
    let csv = system.send(system.http.get(done["result_url"].as_str().unwrap())).await;
    assert_eq!(csv.header("content-type"), "text/csv");
    assert_eq!(csv.text.lines().count(), 1_001, "a header and a thousand rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_past_its_deadline_fails() {
    let system = Setup::default().with(c::JOB_SECONDS, 60).start().await;
    let order = with_options(fulfilment(), json!({"deadline_seconds": 1}));
    let receipt = system.order(&order).await;
    let done = system.done(&receipt).await;
    assert!(done["error"]["type"].as_str().unwrap().ends_with("/deadline-exceeded"), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delayed_order_waits() {
    let system = Setup::default().start().await;
    let order = with_options(fulfilment(), json!({"delay_seconds": 2}));
    let receipt = system.order(&order).await;
    let done = system.done(&receipt).await;
    let time = |name: &str| done[name].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert!((time("started_at") - time("created_at")).num_milliseconds() >= 2_000, "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_longer_than_the_queue_allows_is_split() {
    let system = Setup::default().start().await;
    let order = with_options(fulfilment(), json!({"delay_seconds": 2_000}));
    let receipt = system.order(&order).await;
    let waiting = async |sends: u64| {
        eventually("the message waits", async || {
            let sent = system.stack.requests(Service::Sqs).with_status("SendMessage", 200);
            let settled = system.stack.requests(Service::Sqs).with_status("DeleteMessage", 200);
            let depth = system.stores.queue.depth().await.ok()?;
            (sent == sends && settled + 1 == sends && depth.delayed == 1).then_some(())
        })
        .await;
    };
    waiting(1).await;
    // The fifteen minutes of the queue pass; by the worker's clock it is not time yet.
    system.stack.advance_clock(Duration::from_secs(901)).await;
    waiting(2).await;
    let object = system.poll(&receipt).await.json();
    assert_eq!((object["status"].as_str(), object["attempt"].as_u64()), (Some("pending"), Some(0)), "{object}");
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_end_while_a_message_is_deleted_are_deleted_together() {
    let mut system = Setup { workers: 0, ..Setup::default() }.with(c::CONCURRENCY, 20).start().await;
    let latency = Duration::from_millis(500);
    system.stack.faults(Service::Sqs).set(FaultPlan {
        latency,
        only: Some(vec!["DeleteMessage".to_owned(), "DeleteMessageBatch".to_owned()]),
        ..FaultPlan::default()
    });
    let mut receipts = Vec::new();
    for _ in 0..20 {
        receipts.push(system.order(&fulfilment()).await);
    }
    system.add_worker();
    for receipt in &receipts {
        system.done(receipt).await;
    }
    eventually("the queue is empty", async || {
        let depth = system.stores.queue.depth().await.ok()?;
        (depth.visible + depth.in_flight == 0).then_some(())
    })
    .await;
    let calls = system.stack.requests(Service::Sqs);
    let [one, more] = ["DeleteMessage", "DeleteMessageBatch"].map(|operation| calls.with_status(operation, 200));
    assert!(more > 0 && one + more < 10, "{one} messages alone, {more} batches");
}
