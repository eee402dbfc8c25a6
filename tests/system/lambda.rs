//! The real programs as Lambda runs them: under its Runtime API, with the events that it sends.

use std::time::Duration;

use offload_domain::id::OrderId;
use offload_service::{clock, settings::catalogue as c};
use offload_stores::QueueDepth;
use offload_tests::{
    Function, InvocationResult, PATIENCE, RawQueue, Receipt, Response, Role, Setup, System, eventually,
    http_api_request,
    orders::{fulfilment, with_options},
};
use serde_json::{Value, json};

const PUBLIC: (&str, &str) = ("OFFLOAD_PUBLIC_URL", "https://api.example.com");
/// How long an invocation of these tests may usually take.
const TIME: Duration = Duration::from_secs(30);

fn order(body: &Value) -> Value {
    http_api_request("POST", "/order", &json!({"content-type": "application/json"}), Some(&body.to_string()))
}

/// The response of a function behind API Gateway, as a client would get it.
fn http_response(invoked: InvocationResult) -> Response {
    let response = invoked.response();
    let mut headers = reqwest::header::HeaderMap::new();
    for (name, value) in response["headers"].as_object().into_iter().flatten() {
        headers.insert(
            reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
            value.as_str().unwrap().parse().unwrap(),
        );
    }
    let status = u16::try_from(response["statusCode"].as_u64().unwrap()).unwrap();
    Response { status, headers, text: response["body"].as_str().unwrap_or_default().to_owned() }
}

/// Without the workers of other tests, as functions do the work.
async fn system() -> System {
    Setup { workers: 0, ..Setup::default() }.with(c::VISIBILITY_SECONDS, 3).start().await
}

fn failures(response: &Value) -> Vec<&str> {
    let items = response["batchItemFailures"].as_array().unwrap();
    items.iter().map(|f| f["itemIdentifier"].as_str().unwrap()).collect()
}

/// What Lambda does after a batch: it deletes the messages that did not fail.
async fn delete_done(system: &System, event: &Value, response: &Value) {
    let queue = RawQueue::orders(system);
    for record in event["Records"].as_array().unwrap() {
        if !failures(response).contains(&record["messageId"].as_str().unwrap()) {
            queue.delete(record["receiptHandle"].as_str().unwrap()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_accepts_orders_serves_them_and_refuses_bad_ones() {
    let system = system().await;
    let mut api = Function::start(Role::Api, &system, &[PUBLIC]).await;
    let receipt = Receipt::of(&http_response(api.invoke(order(&fulfilment()), TIME).await));
    assert_eq!(receipt.body["links"]["self"], format!("https://api.example.com/order/{}", receipt.id));
    let id: OrderId = receipt.id.parse().unwrap();
    let record = system.stores.orders.get(id).await.unwrap().unwrap();
    let depth = system.stores.queue.depth().await.unwrap();
    assert_eq!(depth.visible, 1, "nothing is left to do while the function is frozen");
    assert!(record.due_at.is_some());
    assert_eq!(system.poll(&receipt).await.json()["status"], "pending");

    let headers = json!({"authorization": format!("Bearer {}", receipt.token), "prefer": "wait=10"});
    let read = http_response(api.invoke(http_api_request("GET", &format!("/order/{id}"), &headers, None), TIME).await);
    assert_eq!((read.status, read.json()["status"].as_str()), (200, Some("pending")));
    assert_eq!(read.header("preference-applied"), "", "no long poll: a function is billed while it waits");

    let bad = json!({"kind": "fulfilment", "items": []});
    let refused = http_response(api.invoke(order(&bad), TIME).await);
    assert_eq!((refused.status, refused.problem().as_str()), (422, "invalid-order"));
    let missing = http_response(api.invoke(http_api_request("GET", "/nowhere", &json!({}), None), TIME).await);
    assert_eq!((missing.status, missing.problem().as_str()), (404, "not-found"));

    api.process.terminate();
    assert!(api.process.ended(PATIENCE).await.success(), "SIGTERM ends it cleanly");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_only_the_poison_is_delivered_again() {
    let system = system().await;
    let mut receipts = Vec::new();
    for _ in 0..9 {
        receipts.push(system.order(&fulfilment()).await);
    }
    let queue = RawQueue::orders(&system);
    queue.send("not a message of this service").await.unwrap();
    let event = ten(&queue).await;
    let poison = event["Records"].as_array().unwrap().iter().find(|r| r["body"].as_str().unwrap().starts_with("not"));
    let poison = poison.unwrap()["messageId"].as_str().unwrap();

    let mut worker = Function::start(Role::Worker, &system, &[]).await;
    let response = worker.invoke(event.clone(), TIME).await.response();
    assert_eq!(failures(&response), [poison]);
    for receipt in &receipts {
        let object = system.poll(receipt).await.json();
        assert_eq!((object["status"].as_str(), object["attempt"].as_u64()), (Some("completed"), Some(1)), "{object}");
    }
    delete_done(&system, &event, &response).await;
    let depth = system.stores.queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.in_flight), (0, 1), "the poison, until its visibility ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_returns_the_orders_that_it_cannot_finish() {
    let system = system().await;
    let receipt = system.order(&fulfilment()).await;
    let queue = RawQueue::orders(&system);
    let mut worker = Function::start(Role::Worker, &system, &[("OFFLOAD_JOB_SECONDS", "20")]).await;
    let event = queue.receive_event(10).await.unwrap();
    let id = event["Records"][0]["messageId"].as_str().unwrap();
    let response = worker.invoke(event.clone(), Duration::from_secs(2)).await.response();
    assert_eq!(failures(&response), [id]);
    let order: OrderId = receipt.id.parse().unwrap();
    let record = system.stores.orders.get(order).await.unwrap().unwrap();
    assert!(record.lease.is_none(), "free for the next worker");
    assert_eq!(
        record.state.error.as_ref().unwrap().slug(),
        "function-timed-out",
        "it used all of its time, so the attempt counts"
    );

    // The next one has time enough.
    let mut patient = Function::start(Role::Worker, &system, &[("OFFLOAD_JOB_SECONDS", "1")]).await;
    let event = eventually("the message is visible again", async || {
        let event = queue.receive_event(10).await.ok()?;
        (!event["Records"].as_array()?.is_empty()).then_some(event)
    })
    .await;
    let response = patient.invoke(event, TIME).await.response();
    assert!(failures(&response).is_empty(), "{response}");
    let object = system.poll(&receipt).await.json();
    assert_eq!((object["status"].as_str(), object["attempt"].as_u64()), (Some("completed"), Some(2)), "{object}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_function_did_not_start_is_visible_again_at_once() {
    let system = system().await;
    for _ in 0..4 {
        system.order(&fulfilment()).await;
    }
    let queue = RawQueue::orders(&system);
    let settings = [("OFFLOAD_JOB_SECONDS", "1.5"), ("OFFLOAD_CONCURRENCY", "1")];
    let mut worker = Function::start(Role::Worker, &system, &settings).await;
    let event = some(&queue, 4).await;
    let response = worker.invoke(event, Duration::from_secs(3)).await.response();
    let failed = failures(&response).len();
    assert!((2..=3).contains(&failed), "one was processed, and perhaps a second: {response}");
    let untouched = eventually("the others can be received at once", async || {
        let depth: QueueDepth = system.stores.queue.depth().await.ok()?;
        (depth.visible >= 2).then_some(depth)
    })
    .await;
    assert!(untouched.visible <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_function_completes_the_order_of_a_killed_one() {
    let system = system().await;
    let receipt = system.order(&fulfilment()).await;
    let queue = RawQueue::orders(&system);
    // It ignores the end of its time, as a program that hangs in a system call does.
    let command = json!(["sh", "-c", "trap '' TERM; exec sleep 60"]);
    let hangs = [("OFFLOAD_PROCESSOR", "command"), ("OFFLOAD_COMMAND", &command.to_string())];
    let mut worker = Function::start(Role::Worker, &system, &hangs).await;
    let invoked = worker.invoke(queue.receive_event(10).await.unwrap(), Duration::from_secs(2)).await;
    assert_eq!(invoked, InvocationResult::TimedOut);
    // The visibility timeout of the event source passes; the lease in the table is shorter.
    system.stack.advance_clock(Duration::from_secs(181)).await;
    let mut next = Function::start(Role::Worker, &system, &[]).await;
    eventually("another invocation completes the order", async || {
        let event = queue.receive_event(10).await.ok()?;
        if event["Records"].as_array()?.is_empty() {
            return None;
        }
        failures(&next.invoke(event, TIME).await.response()).is_empty().then_some(())
    })
    .await;
    assert_eq!(system.poll(&receipt).await.json()["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_sweeps_on_schedule_and_ends_dead_letters() {
    let system = system().await;
    let mut sweeper = Function::start(Role::Sweeper, &system, &[]).await;
    let swept = sweeper.invoke(json!({"offload": "sweep"}), TIME).await.response();
    assert_eq!(swept, json!({"sent": 0, "ended": 0, "published": 0, "failed": 0}));

    let overdue = with_options(fulfilment(), json!({"deadline_seconds": 1}));
    let late = system.order(&overdue).await;
    eventually("its deadline passes", async || {
        let at = late.id.parse::<OrderId>().ok()?;
        let record = system.stores.orders.get(at).await.ok()??;
        record.own_deadline().is_some_and(|at| at < clock::now()).then_some(())
    })
    .await;
    let swept = eventually("the sweep finds it", async || {
        let swept = sweeper.invoke(json!({"offload": "sweep"}), TIME).await.response();
        (swept["ended"] == 1).then_some(swept)
    })
    .await;
    assert_eq!(swept["failed"], 0);
    assert_eq!(system.poll(&late).await.json()["status"], "failed");

    let receipt = system.order(&fulfilment()).await;
    let dead = RawQueue::dead_letters(&system);
    dead.send(&json!({"v": 1, "id": receipt.id, "key": "status/x", "etag": null}).to_string()).await.unwrap();
    dead.send("not an envelope").await.unwrap();
    let event = some(&dead, 2).await;
    let mut worker = Function::start(Role::DeadLetters, &system, &[]).await;
    let unreadable = event["Records"].as_array().unwrap().iter().find(|r| r["body"] == "not an envelope").unwrap();
    let unreadable = unreadable["messageId"].as_str().unwrap().to_owned();
    let response = worker.invoke(event, TIME).await.response();
    assert_eq!(failures(&response), [unreadable.as_str()], "it stays for an operator");
    let object = system.poll(&receipt).await.json();
    assert!(object["error"]["type"].as_str().unwrap().ends_with("/dead-lettered"), "{object}");

    let InvocationResult::Error(error) = worker.invoke(json!({"hello": "world"}), TIME).await else { panic!() };
    assert!(error["errorMessage"].as_str().unwrap().contains("neither a batch"), "{error}");
}

async fn ten(queue: &RawQueue) -> Value {
    some(queue, 10).await
}

/// An event of `n` messages; they may come in several receives.
async fn some(queue: &RawQueue, n: usize) -> Value {
    let mut records = Vec::new();
    while records.len() < n {
        let event = queue.receive_event(10).await.unwrap();
        records.extend(event["Records"].as_array().unwrap().iter().cloned());
    }
    json!({"Records": records})
}
