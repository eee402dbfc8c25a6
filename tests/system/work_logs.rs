//! The logs of the work: what is kept of them, who reads them, and that they cost no order its end.

use std::process::Command;

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use chrono::{DateTime, Utc};
use offload_domain::{fence::Fence, id::OrderId};
use offload_local::{FaultPlan, Outage, Service};
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{
    Function, RawQueue, Receipt, Response, Role, Setup, System, eventually, http_api_request, orders::fulfilment,
    program,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    time::{Duration, Instant},
};

const CALLER: &str = "tenant=shop; name=jane; roles=submit,operate";

fn python(program: &str) -> Setup {
    let command = json!(["python3", "-c", program]).to_string();
    Setup::default().with(c::PROCESSOR, "command").with(c::COMMAND, command).with(c::PROCESSING_AFTER_MS, 60_000)
}

fn id(receipt: &Receipt) -> OrderId {
    receipt.id.parse().unwrap()
}

/// The stored log of an attempt, once it is there. It is stored at the same time as the end.
async fn log(system: &System, receipt: &Receipt, attempt: u32) -> String {
    eventually("the log is stored", async || {
        system.stores.objects.log(id(receipt), Fence { generation: 1, attempt }).await.unwrap()
    })
    .await
}

/// The lines of a log without their times, which are checked.
fn lines(log: &str) -> Vec<&str> {
    let line = |line| {
        let (time, text) = str::split_once(line, ' ').unwrap();
        let age = clock::now() - time.parse::<DateTime<Utc>>().unwrap();
        assert!(time.ends_with('Z') && age.num_seconds().abs() < 120, "{line}");
        text
    };
    log.lines().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_program_logs_is_kept_for_each_attempt() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let script = format!(
        r#"
import json, sys
with open({:?}, "a+") as f:
    f.write("x"); f.seek(0); n = len(f.read())
print(f"attempt {{n}} \x1b[2J", file=sys.stderr)
sys.stderr.buffer.write(b"\xff not text\n"); sys.stderr.flush()
print(json.dumps({{"log": "packing\nA-1"}}), flush=True)
print(json.dumps({{"log": {{"sku": "A-1"}}}}), flush=True)
if n == 1: sys.exit(75)
print(json.dumps({{"result": n}}))
sys.stderr.write("without a line end")
"#,
        file.path()
    );
    let system = python(&script).start().await;
    let receipt = system.order(&fulfilment()).await;
    let done = system.done(&receipt).await;
    assert_eq!((done["status"].as_str(), &done["result"]), (Some("completed"), &json!(2)));
    for attempt in [1, 2] {
        let log = log(&system, &receipt, attempt).await;
        let mut found = lines(&log);
        let first = format!("attempt {attempt}  [2J");
        assert!(!log.contains('\x1b') && found.contains(&&*first) && found.contains(&"\u{fffd} not text"), "{log}");
        let of_log: Vec<_> = found.iter().filter(|l| l.contains("packing") || l.contains("A-1")).collect();
        assert_eq!(of_log, [&"packing", &"A-1", &r#"{"sku": "A-1"}"#]);
        assert_eq!(found.pop() == Some("without a line end"), attempt == 2);
    }
    assert!(!done.to_string().contains("packing"), "no client sees it");
    assert_eq!(system.get(&receipt).await.json().get("log_url"), None);

    let mut offload = Command::new(program("offload"));
    let printed = offload.args(["orders", "logs", &receipt.id]).env_clear().envs(system.variables()).output().unwrap();
    assert!(String::from_utf8(printed.stdout).unwrap().contains("attempt 2"), "the latest one");
    let mut offload = Command::new(program("offload"));
    let first = ["orders", "logs", &receipt.id, "--attempt", "1-1"];
    let printed = offload.args(first).env_clear().envs(system.variables()).output().unwrap();
    assert!(String::from_utf8(printed.stdout).unwrap().contains("attempt 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_endpoint_logs_is_kept() {
    let work = async |_: HeaderMap, _: Bytes| {
        ([("content-type", "application/x-ndjson")], "{\"log\":\"packing\"}\n{\"result\":1}\n")
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(work))).await });
    let system = Setup::default().with(c::PROCESSOR, "http").with(c::HTTP_URL, url).start().await;
    let receipt = system.order(&fulfilment()).await;
    assert_eq!(system.done(&receipt).await["result"], 1);
    assert_eq!(lines(&log(&system, &receipt, 1).await), ["packing"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_long_log_the_first_and_the_last_lines_are_kept() {
    let script = "import sys\nfor n in range(200_000): print(f'line {n}', file=sys.stderr)\nprint('{\"result\": 1}')";
    let system = python(script).start().await;
    let receipt = system.order(&fulfilment()).await;
    assert_eq!(system.done(&receipt).await["result"], 1);
    let log = log(&system, &receipt, 1).await;
    assert!((60_000..66_000).contains(&log.len()), "{} bytes", log.len());
    let (first, last) = log.split_once("\n[").unwrap();
    let (gap, last) = last.split_once("]\n").unwrap();
    assert!(gap.contains("lines of") && gap.ends_with("bytes are left out here"), "{gap}");
    let (first, last) = (lines(first), lines(last));
    assert_eq!((first[0], *last.last().unwrap()), ("line 0", "line 199999"));
    let left_out: usize = gap.split(' ').next().unwrap().parse().unwrap();
    assert_eq!(first.len() + left_out + last.len(), 200_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_writes_nothing_costs_no_call() {
    let system = python("print('{\"result\": 1}')").start().await;
    let receipt = system.order(&fulfilment()).await;
    system.done(&receipt).await;
    eventually("the message is deleted", async || {
        (system.stack.requests(Service::Sqs).with_status("DeleteMessage", 200) == 1).then_some(())
    })
    .await;
    assert_eq!(system.stack.requests(Service::S3).of("PutObject"), 2, "pending and completed");
    assert_eq!(
        system.stores.objects.latest_log(id(&receipt), Fence { generation: 1, attempt: 1 }).await.unwrap(),
        None
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_cannot_be_stored_costs_no_order_its_end() {
    let script = "import sys\nprint('packing', file=sys.stderr)\nprint('{\"result\": 1}')";
    // One at a time: the next order starts once the log of the one before is stored or dropped.
    let system = python(script).with(c::CONCURRENCY, 1).start().await;
    let faults = system.stack.faults(Service::S3);
    let stall = FaultPlan { stall_rate: 1.0, ..FaultPlan::default() };
    let unavailable = FaultPlan { outage: Some(Outage::Unavailable), ..FaultPlan::default() };
    let refuse = FaultPlan { outage: Some(Outage::Refuse), ..FaultPlan::default() };
    let mut took = Vec::new();
    for plan in [stall.clone(), stall, unavailable, refuse] {
        let (only, only_path) = (Some(vec!["PutObject".to_owned()]), Some("/logs/".to_owned()));
        let plan = FaultPlan { only, only_path, ..plan };
        if faults.plan() != plan {
            // What stalls under a plan ends with it.
            faults.set(plan);
        }
        let receipt = system.order(&fulfilment()).await;
        let submitted = Instant::now();
        let done = system.done(&receipt).await;
        assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(1)), "{done}");
        assert!(submitted.elapsed() < Duration::from_secs(15), "the log of the order before kept the permit");
        let time = |name: &str| done[name].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
        took.push((time("finished_at") - time("started_at")).num_milliseconds());
        let none = system.stores.objects.log(id(&receipt), Fence { generation: 1, attempt: 1 }).await.unwrap();
        assert_eq!(none, None);
    }
    // An end that waited for its log would be two seconds late. (Of two, as a machine may be busy.)
    assert!(took[0].min(took[1]) < 2_000, "{took:?} ms");
    faults.clear();
    let receipt = system.order(&fulfilment()).await;
    assert_eq!(system.done(&receipt).await["status"], "completed");
    assert_eq!(lines(&log(&system, &receipt, 1).await), ["packing"], "the worker is well");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_work_that_is_stopped_is_kept() {
    let script = "import sys, time\nprint('begun', file=sys.stderr, flush=True)\nsys.stderr.write('half')\nsys.stderr.flush()\ntime.sleep(60)";
    let system = python(script).with(c::JOB_TIMEOUT_SECONDS, 1).start().await;
    let receipt = system.order(&fulfilment()).await;
    assert_eq!(system.done(&receipt).await["status"], "failed");
    assert_eq!(lines(&log(&system, &receipt, 1).await), ["begun", "half"]);
}

async fn as_caller(system: &System, method: Method, path: &str, caller: &str) -> Response {
    system.send(system.request(method, path).header("x-caller", caller).json(&fulfilment())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_read_logs_and_clients_do_if_a_setting_allows_it() {
    let setup = python("import sys\nprint('packing', file=sys.stderr)\nprint('{\"result\": 1}')");
    let setup = setup.with(c::AUTH, "header").with(c::AUTH_HEADER, "x-caller").with(c::SHARE_WORK_LOGS, true);
    let system = setup.start().await;
    let receipt = Receipt::of(&as_caller(&system, Method::POST, "/order", CALLER).await);
    assert_eq!(system.done(&receipt).await["status"], "completed");
    log(&system, &receipt, 1).await;
    let path = format!("/admin/orders/{}/log", receipt.id);
    let read = as_caller(&system, Method::GET, &path, CALLER).await;
    assert_eq!((read.status, read.header("content-type")), (200, "text/plain; charset=utf-8"), "{}", read.text);
    assert_eq!((read.header("offload-attempt"), lines(&read.text)), ("1-1", vec!["packing"]));
    for (query, caller, refused) in [
        ("?attempt=1-2", CALLER, (404, "no-log")),
        ("?attempt=x", CALLER, (400, "invalid-query")),
        ("", "tenant=shop; roles=view", (403, "role-missing")),
        ("", "tenant=other; roles=operate", (404, "order-not-found")),
    ] {
        let answer = as_caller(&system, Method::GET, &format!("{path}{query}"), caller).await;
        assert_eq!((answer.status, &*answer.problem()), refused, "{query} {caller}");
    }
    let view = system.get(&receipt).await.json();
    let shared = system.send(system.http.get(view["log_url"].as_str().unwrap())).await;
    assert_eq!((shared.status, lines(&shared.text)), (200, vec!["packing"]));
    assert!(shared.header("content-disposition").starts_with("attachment"), "a download, and no page");
    assert!(view["log_url_expires_at"].is_string());

    let erase = format!("/admin/orders/{}?erase=true", receipt.id);
    let erased = as_caller(&system, Method::DELETE, &erase, "tenant=shop; roles=admin").await;
    assert_eq!(erased.status, 200, "{}", erased.text);
    let left = system.stores.objects.log(id(&receipt), Fence { generation: 1, attempt: 1 }).await.unwrap();
    assert_eq!(left, None, "erased with its order");
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_keep_and_read_logs() {
    let time = Duration::from_secs(30);
    let script = "import sys\nprint('packing', file=sys.stderr)\nprint('{\"result\": 1}')";
    let system = Setup { workers: 0, ..python(script) }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let mut worker = Function::start(Role::Worker, &system, &[]).await;
    let event = RawQueue::orders(&system).receive_event(10).await.unwrap();
    assert_eq!(worker.invoke(event, time).await.response()["batchItemFailures"], json!([]));
    let key = Fence { generation: 1, attempt: 1 };
    let stored = system.stores.objects.log(id(&receipt), key).await.unwrap().expect("before the invocation ends");
    assert_eq!(lines(&stored), ["packing"]);

    let settings = [("OFFLOAD_PUBLIC_URL", "https://api.example.com"), ("OFFLOAD_AUTH", "gateway")];
    let mut api =
        Function::start(Role::Api, &system, &[&settings[..], &[("OFFLOAD_SHARE_WORK_LOGS", "true")]].concat()).await;
    let mut read = http_api_request("GET", &format!("/admin/orders/{}/log", receipt.id), &json!({}), None);
    read["requestContext"]["authorizer"] =
        json!({"jwt": {"claims": {"sub": "jane", "roles": "admin"}, "scopes": null}});
    let response = api.invoke(read, time).await.response();
    assert_eq!((&response["statusCode"], &response["body"]), (&json!(200), &json!(stored)), "{response}");
    let token = json!({"authorization": format!("Bearer {}", receipt.token)});
    let view =
        api.invoke(http_api_request("GET", &format!("/order/{}", receipt.id), &token, None), time).await.response();
    let view: Value = serde_json::from_str(view["body"].as_str().unwrap()).unwrap();
    let shared = system.send(system.http.get(view["log_url"].as_str().unwrap())).await;
    assert_eq!((shared.status, shared.text), (200, stored));
}
