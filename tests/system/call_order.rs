//! The code makes its calls in the order that the model lists: one test a verb.
//!
//! `offload_model::sequences` gives the calls of a verb in every order that the model allows; the
//! embedded stack gives those that it received. When the two part, one of these tests fails.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use offload_domain::{
    order::{Lease, Order, OrderRecord},
    problem::ends,
    status::ProgressReport,
    transition::Transition,
};
use offload_lifecycle::{
    claim::Claimed,
    progress::{self, Advanced},
    redrive::redrive,
    sweep::{Rules, Swept, sweep},
};
use offload_local::{Call, FaultPlan, Outage, Service};
use offload_model::{Verb, sequences};
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{
    EventStream, PATIENCE, Receipt, Setup, System, eventually,
    orders::{fulfilment, new_record},
};
use offload_worker::processor::{Outcome, ProcessError, Processor, Progress};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

/// More calls than any verb makes.
const LIMIT: usize = 1_000;

/// A system in which nothing happens by itself.
fn quiet() -> Setup {
    Setup { workers: 0, ..Setup::default() }.with(c::SWEEP_SECONDS, 3_600).with(c::CANCEL_CHECK_SECONDS, 60)
}

/// The calls about orders as text, in the order in which they were received. A query of sixteen
/// shards and a receive that is made again count once.
fn received(calls: &[Call]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for call in calls {
        let text = call.to_string();
        // The estimate's inputs, and what other consumers of the worker wait for.
        let other = ["GetQueueAttributes", "workers", "ReceiveMessage orders-"];
        let other = other.iter().any(|other| text.contains(other)) && !text.ends_with("orders-dead");
        let again = text.contains("Query due") || text.contains("ReceiveMessage");
        if other || (again && texts.contains(&text)) {
            continue;
        }
        texts.push(text);
    }
    texts
}

/// Waits until the recorded calls, but for those whose text ends with one that `ignored` names, are
/// what the model lists for the verb; and that no more come until the workers have stopped.
async fn expect(system: &mut System, verb: Verb, ignored: &[&str]) -> Vec<Call> {
    let text = |calls: &Vec<&str>| {
        calls
            .iter()
            .map(|c| c.replace(" dead-letters", " orders-dead").replace(" notifications", " orders-notifications"))
            .collect()
    };
    let allowed: Vec<Vec<String>> = sequences(verb).iter().map(text).collect();
    let recorded = |system: &System| {
        let mut calls = system.stack.calls();
        calls.retain(|call| !ignored.iter().any(|i| call.to_string().ends_with(i)));
        calls
    };
    let deadline = Instant::now() + PATIENCE;
    while !allowed.contains(&received(&recorded(system))) && Instant::now() < deadline {
        sleep(Duration::from_millis(5)).await;
    }
    system.stop_workers().await;
    let calls = recorded(system);
    let texts = received(&calls);
    assert!(allowed.contains(&texts), "{verb:?} made\n{texts:#?}\nand the model lists\n{allowed:#?}");
    calls
}

/// An order whose api has made all its calls.
async fn submitted(system: &System) -> Receipt {
    system.order(&fulfilment()).await
}

/// An order that is stored as its api left it before it sent the message.
async fn stored(system: &System) -> OrderRecord {
    let record = new_record();
    system.stores.orders.insert(&record, None).await.unwrap();
    system.stores.objects.create(&record.status_object(None)).await.unwrap();
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn accept() {
    let mut system = quiet().start().await;
    for service in [Service::DynamoDb, Service::S3, Service::Sqs] {
        // Longer than a busy machine lets one of them wait for a core.
        let latency = Duration::from_millis(500);
        system.stack.faults(service).set(FaultPlan { latency, ..FaultPlan::default() });
    }
    system.stack.record_calls(LIMIT);
    system.order(&fulfilment()).await;
    let calls = expect(&mut system, Verb::Accept, &[]).await;
    let of = |text: &str| calls.iter().find(|c| c.to_string().starts_with(text)).unwrap();
    let (row, object, message) = (of("dynamodb.PutItem"), of("s3.PutObject"), of("sqs.SendMessage"));
    assert!(row.overlaps(object) && row.overlaps(message) && object.overlaps(message), "all at the same time");
}

async fn post_with_key(system: &System) -> u16 {
    let request = system.request(Method::POST, "/order").header("idempotency-key", "k").json(&fulfilment());
    system.send(request).await.status
}

#[tokio::test(flavor = "multi_thread")]
async fn accept_with_a_key() {
    let mut system = quiet().start().await;
    system.stack.record_calls(LIMIT);
    assert_eq!(post_with_key(&system).await, 202);
    expect(&mut system, Verb::AcceptWithKey, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn resume() {
    let mut system = quiet().start().await;
    let down = FaultPlan { outage: Some(Outage::Unavailable), ..FaultPlan::default() };
    system.stack.faults(Service::Sqs).set(down);
    assert_eq!(post_with_key(&system).await, 503);
    system.stack.faults(Service::Sqs).set(FaultPlan::default());
    system.stack.record_calls(LIMIT);
    assert_eq!(post_with_key(&system).await, 202);
    expect(&mut system, Verb::Resume, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel() {
    let mut system = quiet().start().await;
    let receipt = submitted(&system).await;
    system.stack.record_calls(LIMIT);
    assert_eq!(system.cancel(&receipt).await.status, 202);
    // The answer brings a fresh status URL, which costs no call.
    expect(&mut system, Verb::Cancel, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_what_a_worker_has() {
    let mut system = quiet().start().await;
    let receipt = submitted(&system).await;
    let record = system.stores.orders.get(receipt.id.parse().unwrap()).await.unwrap().unwrap();
    let now = clock::now();
    let started = record.state.apply(Transition::Start { eta: None, poll_after_ms: None }, now).unwrap();
    let lease = Lease { owner: "another worker".to_owned(), until: now + Duration::from_secs(60) };
    system.stores.orders.take(record.order.id, &started, Some(&lease), now).await.unwrap();
    system.stack.record_calls(LIMIT);
    assert_eq!(system.cancel(&receipt).await.status, 202);
    expect(&mut system, Verb::CancelRunning, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work() {
    let mut system = quiet().start().await;
    let receipt = submitted(&system).await;
    system.stack.record_calls(LIMIT);
    system.add_worker();
    system.done(&receipt).await;
    expect(&mut system, Verb::Work, &["orders-dead", "s3.GetObject status"]).await;
}

/// Reports that it is half done, and waits until it may end.
#[derive(Default, Clone)]
struct Waiting {
    release: Arc<Notify>,
}

#[async_trait]
impl Processor for Waiting {
    async fn process(&self, _: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        progress.report(50, None);
        self.release.notified().await;
        Ok(Outcome::Value(None))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn publish_as_it_runs() {
    let processor = Waiting::default();
    let mut system = quiet().processor(processor.clone()).start().await;
    let receipt = submitted(&system).await;
    system.stack.record_calls(LIMIT);
    system.add_worker();
    eventually("progress is published", async || {
        (system.poll(&receipt).await.json()["progress"]["percent"] == 50).then_some(())
    })
    .await;
    processor.release.notify_one();
    let done: Value = system.done(&receipt).await;
    assert_eq!(done["status"], json!("completed"));
    // Polls of the test itself are reads of the status object, which no step of a worker is here.
    expect(&mut system, Verb::Progress, &["orders-dead", "s3.GetObject status"]).await;
}

const RULES: Rules = Rules { retry_max: Duration::ZERO, result_url_ttl: Duration::from_secs(60) };

/// A sweep at a time when the order is due, and before its deadline.
async fn sweep_later(system: &System) -> Swept {
    sweep(&system.stores, RULES, || clock::now() + Duration::from_secs(3_600)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn sweep_what_was_lost() {
    let mut system = quiet().start().await;
    stored(&system).await;
    system.stack.record_calls(LIMIT);
    assert_eq!(sweep_later(&system).await, Swept { sent: 1, ..Swept::default() });
    expect(&mut system, Verb::SweepLost, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sweep_what_a_worker_has() {
    let mut system = quiet().start().await;
    let record = stored(&system).await;
    let started = record.state.apply(Transition::Start { eta: None, poll_after_ms: None }, clock::now()).unwrap();
    let lease = Lease { owner: "a worker".to_owned(), until: clock::now() + Duration::from_secs(7_200) };
    system.stores.orders.store(record.order.id, &started, Some(&lease)).await.unwrap();
    system.stack.record_calls(LIMIT);
    assert_eq!(sweep_later(&system).await, Swept::default());
    expect(&mut system, Verb::SweepLeased, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sweep_what_is_overdue() {
    let mut system = quiet().start().await;
    let mut record = new_record();
    record.order.deadline_at = Some(record.order.created_at + Duration::from_secs(1));
    system.stores.orders.insert(&record, None).await.unwrap();
    system.stores.objects.create(&record.status_object(None)).await.unwrap();
    system.stack.record_calls(LIMIT);
    assert_eq!(sweep_later(&system).await, Swept { ended: 1, ..Swept::default() });
    expect(&mut system, Verb::SweepOverdue, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sweep_what_was_not_published() {
    let mut system = quiet().start().await;
    let record = stored(&system).await;
    let cancelled = record.state.apply(Transition::Cancel, clock::now()).unwrap();
    system.stores.orders.store(record.order.id, &cancelled, None).await.unwrap();
    system.stack.record_calls(LIMIT);
    assert_eq!(sweep_later(&system).await, Swept { published: 1, ..Swept::default() });
    expect(&mut system, Verb::SweepEnded, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letter() {
    let mut system = quiet().start().await;
    let record = stored(&system).await;
    let envelope = offload_domain::message::Envelope::new(record.order.id, None);
    let dead_letters = system.stores.dead_letters.as_ref().unwrap();
    dead_letters.send(&envelope, Duration::ZERO, None).await.unwrap();
    system.stack.record_calls(LIMIT);
    system.add_worker();
    expect(&mut system, Verb::DeadLetter, &["ReceiveMessage orders"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redrive_a_failed_order() {
    let mut system = quiet().start().await;
    let record = stored(&system).await;
    let failed = record.state.apply(Transition::Fail { error: ends::dead_lettered(1, None) }, clock::now()).unwrap();
    let record = system.stores.orders.store(record.order.id, &failed, None).await.unwrap();
    system.stores.objects.overwrite(&record.status_object(None), None).await.unwrap();
    system.stack.record_calls(LIMIT);
    redrive(&system.stores, record.order.id).await.unwrap();
    expect(&mut system, Verb::Redrive, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscribe_and_notify() {
    let mut system = quiet().start().await;
    let receipt = submitted(&system).await;
    system.stack.record_calls(LIMIT);
    let path = format!("/order/{}/events", receipt.id);
    let request = system.request(Method::GET, &path).bearer_auth(&receipt.token);
    let mut stream = EventStream::of(request.send().await.unwrap());
    stream.next().await.expect("the current status comes at once");
    expect(&mut system, Verb::Subscribe, &[]).await;
    system.stack.record_calls(LIMIT);
    assert_eq!(system.cancel(&receipt).await.status, 202);
    // A cancellation reads the order and its object first; the rest is any change.
    expect(&mut system, Verb::Notify, &["dynamodb.GetItem order", "s3.GetObject status"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn notify_of_progress() {
    let mut system = quiet().start().await;
    let receipt = submitted(&system).await;
    let path = format!("/order/{}/events", receipt.id);
    let request = system.request(Method::GET, &path).bearer_auth(&receipt.token);
    let mut stream = EventStream::of(request.send().await.unwrap());
    stream.next().await.expect("the current status comes at once");
    let record = system.stores.orders.get(receipt.id.parse().unwrap()).await.unwrap().unwrap();
    let (now, term) = (clock::now(), Duration::from_secs(60));
    let started = record.state.apply(Transition::Start { eta: None, poll_after_ms: None }, now).unwrap();
    let lease = Lease { owner: "a worker".to_owned(), until: now + term };
    let record = system.stores.orders.take(record.order.id, &started, Some(&lease), now).await.unwrap();
    let mut claimed = Claimed { record, lease, etag: None, first_poll_at: None };
    system.stack.record_calls(LIMIT);
    let half = Transition::Progress { report: Some(ProgressReport::new(50, None)), eta: None, poll_after_ms: None };
    assert_eq!(progress::advance(&system.stores, &mut claimed, &half, term).await.unwrap(), Advanced::Stored);
    progress::notify(&system.stores, &claimed).await.unwrap();
    expect(&mut system, Verb::NotifyRunning, &[]).await;
}

#[test]
fn every_verb_of_the_model_is_compared() {
    // A new verb of the model does not compile here until it has a test above.
    for verb in Verb::ALL {
        match verb {
            Verb::Accept | Verb::AcceptWithKey | Verb::Resume | Verb::Cancel | Verb::CancelRunning => {}
            Verb::Work | Verb::Progress | Verb::DeadLetter | Verb::Redrive | Verb::Subscribe | Verb::Notify => {}
            Verb::NotifyRunning => {}
            Verb::SweepLost | Verb::SweepLeased | Verb::SweepOverdue | Verb::SweepEnded => {}
        }
    }
}
