//! Machines whose clock is wrong. The time of the service is AWS's.

#![cfg(target_os = "linux")]

use std::{
    process::{Command, Stdio},
    time::Duration,
};

use chrono::{DateTime, Utc};
use offload_local::{FaultPlan, Service};
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{
    Process, RawQueue, Receipt, Response, Role, Setup, System, eventually, orders::fulfilment, program, quiet_port,
    wrong_clock,
};
use serde_json::{Value, json};

/// Further off than AWS accepts.
const FAR: i64 = 20 * 60;

/// Off, but not so far that a request is refused.
const MINUTES: i64 = 10 * 60;

/// A program of the system on a machine that is so many seconds ahead.
fn start(system: &System, role: Role, ahead: i64, settings: &[(&str, &str)]) -> Process {
    let variables = [system.variables_of(role), wrong_clock::ahead_by(ahead).to_vec()].concat();
    let variables = variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let variables: Vec<(&str, &str)> = variables.chain(settings.iter().copied()).collect();
    Process::start(role.program(), &[], &variables)
}

/// An api on a machine that is so many seconds ahead, and its URL.
async fn start_api(system: &System, role: Role, ahead: i64) -> (Process, String) {
    let listen = format!("127.0.0.1:{}", quiet_port());
    let process = start(system, role, ahead, &[("OFFLOAD_LISTEN", &listen)]);
    let url = format!("http://{listen}");
    eventually("the api is up", async || system.http.get(format!("{url}/healthz")).send().await.ok()).await;
    (process, url)
}

/// By how many seconds a time is in the future.
fn from_now(at: DateTime<Utc>) -> f64 {
    (at - clock::now()).as_seconds_f64()
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_whose_machine_is_wrong_gives_urls_that_work() {
    let system = Setup { workers: 1, apis: 0, ..Setup::default() }.start().await;
    // One signs with its own key, the other by a role, for whose sessions it asks STS.
    for (role, ahead) in [(Role::ApiServer, FAR), (Role::ApiServer, -FAR), (Role::Api, FAR), (Role::Api, -FAR)] {
        let (_process, api) = start_api(&system, role, ahead).await;
        // Its very first order.
        let response = system.http.post(format!("{api}/order")).json(&fulfilment()).send().await.unwrap();
        let response = Response::of(response).await;
        let date = DateTime::parse_from_rfc2822(response.header("date")).unwrap();
        assert!(from_now(date.into()).abs() < 5.0, "{ahead}: clients correct their clocks by {date}");
        let receipt = Receipt::of(&response);
        let poll = system.poll(&receipt).await;
        assert_eq!(poll.status, 200, "{ahead}: {}", poll.text);
        let body = &receipt.body;
        assert!((890.0..910.0).contains(&from_now(time(&body["status_url_expires_at"]))), "{ahead}: {body}");
        assert!(from_now(time(&body["eta"]["at"])).abs() < 60.0, "{ahead}: {body}");
        assert!(from_now(time(&poll.json()["created_at"])).abs() < 5.0, "{ahead}: {}", poll.text);
        let done = system.done(&receipt).await;
        assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(1)), "{done}");

        let ready = Response::of(system.http.get(format!("{api}/readyz")).send().await.unwrap()).await;
        let offset = ready.json()["clock_offset_seconds"].as_f64().unwrap();
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let off_by = (offset + ahead as f64).abs();
        assert!(ready.status == 200 && off_by < 2.0, "{ahead}: {}", ready.text);
        let metrics = system.http.get(format!("{api}/metrics")).send().await.unwrap().text().await.unwrap();
        let gauge = metrics.lines().find_map(|line| line.strip_prefix("clock_offset_seconds ")).unwrap();
        assert!((gauge.parse::<f64>().unwrap() - offset).abs() < 2.0, "{gauge} and {offset}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_order_waits_for_the_time_that_nothing_has_said() {
    let system = Setup { workers: 0, apis: 0, ..Setup::default() }.start().await;
    // What the estimate reads; it does not wait so long.
    for (service, operation) in [(Service::Sqs, "GetQueueAttributes"), (Service::DynamoDb, "Query")] {
        let (latency, only) = (Duration::from_secs(20), Some(vec![operation.to_owned()]));
        system.stack.faults(service).set(FaultPlan { latency, only, ..FaultPlan::default() });
    }
    let (_process, api) = start_api(&system, Role::ApiServer, -FAR).await;
    let response = system.http.post(format!("{api}/order")).json(&fulfilment()).send().await.unwrap();
    let receipt = Receipt::of(&Response::of(response).await);
    let poll = system.poll(&receipt).await;
    assert_eq!(poll.status, 200, "{}", poll.text);
    assert!(from_now(time(&poll.json()["created_at"])).abs() < 5.0, "{}", poll.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_request_that_is_refused_for_its_time_is_tried_again() {
    let system = Setup { workers: 0, apis: 0, ..Setup::default() }.start().await;
    for ahead in [FAR, -FAR] {
        // A program that ends with its first calls.
        let mut list = Command::new(program("offload"));
        list.args(["dlq", "list"]).env_clear().envs(system.variables()).envs(wrong_clock::ahead_by(ahead));
        let output = list.stdin(Stdio::null()).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && printed.contains("0 dead-lettered orders"), "{ahead}: {output:?}");
    }
}

/// Sends the message of an order once more, as SQS may.
async fn duplicate(system: &System, receipt: &Receipt) {
    let body = json!({"v": 1, "id": receipt.id, "key": "status/x", "etag": null}).to_string();
    RawQueue::orders(system).send(&body).await.unwrap();
}

/// Waits until the duplicate was received, and given back or worked on.
async fn until_judged(system: &System, receipt: &Receipt) {
    let calls = || system.stack.requests(offload_local::Service::Sqs).of("ChangeMessageVisibility");
    let before = calls();
    duplicate(system, receipt).await;
    eventually("the duplicate is judged", async || {
        (calls() > before || system.get(receipt).await.json()["attempt"] == 2).then_some(())
    })
    .await;
}

/// An order that is worked on, by a lease that is not renewed within this test.
fn long_work() -> Setup {
    let setup = Setup { workers: 0, ..Setup::default() }.with(c::VISIBILITY_SECONDS, 120);
    // A worker that has an order receives no duplicate of it.
    setup.with(c::CONCURRENCY, 1).with(c::JOB_SECONDS, 600)
}

async fn attempt(system: &System, receipt: &Receipt) -> u64 {
    system.get(receipt).await.json()["attempt"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_ahead_respects_the_lease_of_another() {
    let mut system = long_work().start().await;
    system.add_worker();
    let receipt = system.order(&fulfilment()).await;
    eventually("it runs", async || (attempt(&system, &receipt).await == 1).then_some(())).await;
    let _ahead = start(&system, Role::Container, MINUTES, &[]);
    until_judged(&system, &receipt).await;
    assert_eq!(attempt(&system, &receipt).await, 1, "the lease lasts two minutes");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_of_a_worker_that_is_behind_is_respected() {
    let mut system = long_work().start().await;
    let _behind = start(&system, Role::Container, -MINUTES, &[]);
    let receipt = system.order(&fulfilment()).await;
    eventually("it runs", async || (attempt(&system, &receipt).await == 1).then_some(())).await;
    system.add_worker();
    until_judged(&system, &receipt).await;
    assert_eq!(attempt(&system, &receipt).await, 1, "the lease lasts two minutes");
}
