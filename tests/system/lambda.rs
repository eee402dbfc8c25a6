//! The real programs as Lambda runs them: under its Runtime API, with the events that it sends.

use std::time::Duration;

use offload_domain::id::OrderId;
use offload_service::{clock, settings::catalogue as c};
use offload_stores::QueueDepth;
use offload_tests::{
    Answer, Function, Invoked, PATIENCE, RawQueue, Receipt, Setup, System, eventually, http_api_request,
};
use serde_json::{Value, json};

use crate::fulfilment;

const PUBLIC: (&str, &str) = ("OFFLOAD_PUBLIC_URL", "https://api.example.com");
/// As long as functions of these tests usually have.
const TIME: Duration = Duration::from_secs(30);

fn order(body: &Value) -> Value {
    http_api_request("POST", "/order", &json!({"content-type": "application/json"}), Some(&body.to_string()))
}

/// The answer of a function behind API Gateway, as a client would get it.
fn answer(invoked: Invoked) -> Answer {
    let answer = invoked.answer();
    let mut headers = reqwest::header::HeaderMap::new();
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        headers.insert(
            reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
            value.as_str().unwrap().parse().unwrap(),
        );
    }
    let status = u16::try_from(answer["statusCode"].as_u64().unwrap()).unwrap();
    Answer { status, headers, text: answer["body"].as_str().unwrap_or_default().to_owned() }
}

/// Without the workers that other tests have: functions are to do the work.
async fn system() -> System {
    Setup { workers: 0, ..Setup::default() }.with(c::VISIBILITY_SECONDS, 3).start().await
}

fn failures(answer: &Value) -> Vec<&str> {
    let items = answer["batchItemFailures"].as_array().unwrap();
    items.iter().map(|f| f["itemIdentifier"].as_str().unwrap()).collect()
}

/// What Lambda does once a batch has been answered: what did not fail is deleted.
async fn delete_done(system: &System, event: &Value, answer: &Value) {
    let queue = RawQueue::orders(system);
    for record in event["Records"].as_array().unwrap() {
        if !failures(answer).contains(&record["messageId"].as_str().unwrap()) {
            queue.delete(record["receiptHandle"].as_str().unwrap()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_takes_orders_shows_them_and_refuses_bad_ones() {
    let system = system().await;
    let mut api = Function::start("offload-api", &system, &[PUBLIC]).await;
    let receipt = Receipt::of(&answer(api.invoke(order(&fulfilment()), TIME).await));
    assert_eq!(receipt.body["links"]["self"], format!("https://api.example.com/order/{}", receipt.id));
    let id: OrderId = receipt.id.parse().unwrap();
    let record = system.stores.orders.get(id).await.unwrap().unwrap();
    assert!(record.enqueued, "nothing is left for when the function is frozen");
    assert_eq!(system.look(&receipt).await.json()["status"], "pending");

    let headers = json!({"authorization": format!("Bearer {}", receipt.token), "prefer": "wait=10"});
    let told = answer(api.invoke(http_api_request("GET", &format!("/order/{id}"), &headers, None), TIME).await);
    assert_eq!((told.status, told.json()["status"].as_str()), (200, Some("pending")));
    assert_eq!(told.header("preference-applied"), "", "a function is not held: it is billed while it waits");

    let bad = json!({"kind": "fulfilment", "items": []});
    let refused = answer(api.invoke(order(&bad), TIME).await);
    assert_eq!((refused.status, refused.problem().as_str()), (422, "invalid-order"));
    let lost = answer(api.invoke(http_api_request("GET", "/nowhere", &json!({}), None), TIME).await);
    assert_eq!((lost.status, lost.problem().as_str()), (404, "not-found"));

    api.process.terminate();
    assert!(api.process.ended(PATIENCE).await.success(), "SIGTERM ends it cleanly");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_batch_only_the_poison_comes_again() {
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

    let mut worker = Function::start("offload-worker", &system, &[]).await;
    let answer = worker.invoke(event.clone(), TIME).await.answer();
    assert_eq!(failures(&answer), [poison]);
    for receipt in &receipts {
        let object = system.look(receipt).await.json();
        assert_eq!((object["status"].as_str(), object["attempt"].as_u64()), (Some("completed"), Some(1)), "{object}");
    }
    delete_done(&system, &event, &answer).await;
    let depth = system.stores.queue.depth().await.unwrap();
    assert_eq!((depth.visible, depth.in_flight), (0, 1), "the poison, until its visibility ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_gives_back_what_it_cannot_finish() {
    let system = system().await;
    let receipt = system.order(&fulfilment()).await;
    let queue = RawQueue::orders(&system);
    let mut worker = Function::start("offload-worker", &system, &[("OFFLOAD_JOB_SECONDS", "20")]).await;
    let event = queue.receive_event(10).await.unwrap();
    let id = event["Records"][0]["messageId"].as_str().unwrap();
    let answer = worker.invoke(event.clone(), Duration::from_secs(2)).await.answer();
    assert_eq!(failures(&answer), [id]);
    let order: OrderId = receipt.id.parse().unwrap();
    let record = system.stores.orders.get(order).await.unwrap().unwrap();
    assert!(record.lease.is_none(), "free for whoever comes next");
    assert_eq!(
        record.state.error.as_ref().unwrap().slug(),
        "function-timed-out",
        "it had all of the time, and it counts"
    );

    // The next one has time enough.
    let mut patient = Function::start("offload-worker", &system, &[("OFFLOAD_JOB_SECONDS", "1")]).await;
    let event = eventually("the message comes again", async || {
        let event = queue.receive_event(10).await.ok()?;
        (!event["Records"].as_array()?.is_empty()).then_some(event)
    })
    .await;
    let answer = patient.invoke(event, TIME).await.answer();
    assert!(failures(&answer).is_empty(), "{answer}");
    let object = system.look(&receipt).await.json();
    assert_eq!((object["status"].as_str(), object["attempt"].as_u64()), (Some("completed"), Some(2)), "{object}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_too_much_is_partly_given_back_untouched() {
    let system = system().await;
    for _ in 0..4 {
        system.order(&fulfilment()).await;
    }
    let queue = RawQueue::orders(&system);
    let settings = [("OFFLOAD_JOB_SECONDS", "1.5"), ("OFFLOAD_CONCURRENCY", "1")];
    let mut worker = Function::start("offload-worker", &system, &settings).await;
    let event = some(&queue, 4).await;
    let answer = worker.invoke(event, Duration::from_secs(3)).await.answer();
    let failed = failures(&answer).len();
    assert!((2..=3).contains(&failed), "one was done, and perhaps a second: {answer}");
    let untouched = eventually("the others can be received at once", async || {
        let depth: QueueDepth = system.stores.queue.depth().await.ok()?;
        (depth.visible >= 2).then_some(depth)
    })
    .await;
    assert!(untouched.visible <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_function_left_is_taken_up_by_another() {
    let system = system().await;
    let receipt = system.order(&fulfilment()).await;
    let queue = RawQueue::orders(&system);
    // It does not mind its time, as a program that hangs in a system call does not.
    let command =
        json!(["python3", "-c", "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(60)"]);
    let hangs = [("OFFLOAD_PROCESSOR", "command"), ("OFFLOAD_COMMAND", &command.to_string())];
    let mut worker = Function::start("offload-worker", &system, &hangs).await;
    let invoked = worker.invoke(queue.receive_event(10).await.unwrap(), Duration::from_secs(1)).await;
    assert_eq!(invoked, Invoked::TimedOut);
    // The visibility that the event source gave the message passes; the lease in the table is shorter.
    system.stack.advance_clock(Duration::from_secs(181)).await;
    let mut next = Function::start("offload-worker", &system, &[]).await;
    eventually("another invocation completes the order", async || {
        let event = queue.receive_event(10).await.ok()?;
        if event["Records"].as_array()?.is_empty() {
            return None;
        }
        failures(&next.invoke(event, TIME).await.answer()).is_empty().then_some(())
    })
    .await;
    assert_eq!(system.look(&receipt).await.json()["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_function_sweeps_and_one_behind_the_dead_letters_ends_them() {
    let system = system().await;
    let mut worker = Function::start("offload-worker", &system, &[]).await;
    let swept = worker.invoke(json!({"offload": "sweep"}), TIME).await.answer();
    assert_eq!(swept, json!({"sent": 0, "ended": 0, "failed": 0}));

    let mut overdue = fulfilment();
    overdue["options"] = json!({"deadline_seconds": 1});
    let late = system.order(&overdue).await;
    eventually("its deadline passes", async || {
        let at = late.id.parse::<OrderId>().ok()?;
        let record = system.stores.orders.get(at).await.ok()??;
        record.own_deadline().is_some_and(|at| at < clock::now()).then_some(())
    })
    .await;
    let swept = eventually("the sweep finds it", async || {
        let swept = worker.invoke(json!({"offload": "sweep"}), TIME).await.answer();
        (swept["ended"] == 1).then_some(swept)
    })
    .await;
    assert_eq!(swept["failed"], 0);
    assert_eq!(system.look(&late).await.json()["status"], "failed");

    let receipt = system.order(&fulfilment()).await;
    let dead = RawQueue::dead_letters(&system);
    dead.send(&json!({"v": 1, "id": receipt.id, "key": "status/x", "etag": null}).to_string()).await.unwrap();
    dead.send("nobody can read this").await.unwrap();
    let event = some(&dead, 2).await;
    let unreadable = event["Records"].as_array().unwrap().iter().find(|r| r["body"] == "nobody can read this").unwrap();
    let unreadable = unreadable["messageId"].as_str().unwrap().to_owned();
    let answer = worker.invoke(event, TIME).await.answer();
    assert_eq!(failures(&answer), [unreadable.as_str()], "it is left for a person");
    let object = system.look(&receipt).await.json();
    assert!(object["error"]["type"].as_str().unwrap().ends_with("/dead-lettered"), "{object}");

    let Invoked::Error(error) = worker.invoke(json!({"hello": "world"}), TIME).await else { panic!() };
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
