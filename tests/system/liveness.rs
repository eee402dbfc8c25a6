//! Whatever happens to the queue, an accepted order ends, once, with the result of the attempt that
//! ended it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::future::join_all;
use offload_domain::{
    claim::Limits,
    eta::{self, ServiceTimes},
    message::Envelope,
    order::Order,
    problem::ends,
    transition::Transition,
};
use offload_lifecycle::{
    claim::{Claim, Claimant, Claimed, Outlook, claim},
    finish::{Produced, Recorded, record_end, store_result},
    publish::publish_end,
    redrive::{Redriven, redrive},
};
use offload_local::{FaultPlan, Outage, Service};
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{RawQueue, Receipt, Setup, System, eventually, orders::fulfilment};
use offload_worker::processor::{Outcome, ProcessError, Processor, Progress, ResultFile};
use serde_json::{Value, json};
use tokio::sync::Notify;

fn only(operations: &[&str], plan: &FaultPlan) -> FaultPlan {
    FaultPlan { only: Some(operations.iter().map(ToString::to_string).collect()), ..plan.clone() }
}

/// Deletes every message of the queue, as a purge does.
async fn purge(system: &System, messages: u64) {
    let queue = RawQueue::orders(system);
    let mut deleted = 0;
    while deleted < messages {
        let event = queue.receive_event(10).await.unwrap();
        for record in event["Records"].as_array().unwrap() {
            queue.delete(record["receiptHandle"].as_str().unwrap()).await.unwrap();
            deleted += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_message_is_lost_is_sent_again() {
    let mut system = Setup { workers: 0, ..Setup::default() }.with(c::SWEEP_AFTER_SECONDS, "0.5").start().await;
    let receipt = system.order(&fulfilment()).await;
    purge(&system, 1).await;
    system.add_worker();
    let done = system.done(&receipt).await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(1)), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_nobody_gets_ends_at_the_default_deadline() {
    let setup = Setup { workers: 0, ..Setup::default() }.with(c::DEFAULT_DEADLINE_SECONDS, 2);
    let mut system = setup.with(c::EXPECTED_JOB_SECONDS, "0.05").start().await;
    let receipt = system.order(&fulfilment()).await;
    purge(&system, 1).await;
    system.add_worker();
    let done = system.done(&receipt).await;
    assert!(done["error"]["type"].as_str().unwrap().ends_with("/deadline-exceeded"), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_nobody_published_is_published_by_a_sweeper() {
    let mut system = Setup { workers: 0, ..Setup::default() }.with(c::SWEEP_AFTER_SECONDS, "0.2").start().await;
    let receipt = system.order(&fulfilment()).await;
    system.stack.faults(Service::S3).set(FaultPlan { outage: Some(Outage::Unavailable), ..FaultPlan::default() });
    assert_eq!(system.cancel(&receipt).await.status, 202);
    purge(&system, 1).await;
    system.stack.faults(Service::S3).clear();
    system.add_worker();
    assert_eq!(system.done(&receipt).await["status"], "cancelled");
    let id = receipt.id.parse().unwrap();
    eventually("the order leaves the index", async || {
        system.stores.orders.get(id).await.ok()??.due_at.is_none().then_some(())
    })
    .await;
}

/// Counts what it is given.
#[derive(Clone, Default)]
struct Counting(Arc<AtomicUsize>);

#[async_trait]
impl Processor for Counting {
    async fn process(&self, _: &Order, _: &Progress) -> Result<Outcome, ProcessError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Ok(Outcome::Value(None))
    }
}

async fn drained(system: &System) {
    eventually("the queue is empty", async || {
        let depth = system.stores.queue.depth().await.ok()?;
        (depth.visible + depth.in_flight + depth.delayed == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_taken_back_is_not_worked_on() {
    let processor = Counting::default();
    let mut system = Setup { workers: 0, ..Setup::default() }.processor(processor.clone()).start().await;
    // The message is sent, and nobody learns of it.
    let lost = FaultPlan { lost_reply_rate: 1.0, ..FaultPlan::default() };
    system.stack.faults(Service::Sqs).set(only(&["SendMessage"], &lost));
    let refused = system.post(&fulfilment()).await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "storage-unavailable"));
    assert!(refused.json()["detail"].as_str().unwrap().starts_with("the order was taken back"), "{}", refused.text);
    system.stack.faults(Service::Sqs).clear();
    assert!(system.stores.queue.depth().await.unwrap().visible > 0, "the message was sent");
    system.add_worker();
    let receipt = system.order(&fulfilment()).await;
    system.done(&receipt).await;
    assert_eq!(processor.0.load(Ordering::SeqCst), 1, "only the order that was accepted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_arrives_after_its_503_is_not_worked_on() {
    let processor = Counting::default();
    let mut system = Setup { workers: 0, ..Setup::default() }.processor(processor.clone()).start().await;
    // DynamoDB answers to the insert no more before the api stops waiting.
    let lost = FaultPlan { late_error_rate: 1.0, ..FaultPlan::default() };
    system.stack.faults(Service::DynamoDb).set(only(&["PutItem"], &lost));
    let refused = system.post(&fulfilment()).await;
    assert_eq!(refused.status, 503);
    assert!(refused.json()["detail"].as_str().unwrap().contains("may be worked on"), "{}", refused.text);
    system.stack.faults(Service::DynamoDb).clear();
    system.add_worker();
    let receipt = system.order(&fulfilment()).await;
    system.done(&receipt).await;
    drained(&system).await;
    assert_eq!(processor.0.load(Ordering::SeqCst), 1, "what is left of it in the table is no order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_fails_does_not_fill_the_queue() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    system.stack.faults(Service::DynamoDb).set(FaultPlan { error_rate: 1.0, ..FaultPlan::default() });
    for _ in 0..10 {
        assert_eq!(system.post(&fulfilment()).await.status, 503);
    }
    let depth = system.stores.queue.depth().await.unwrap();
    assert!(depth.visible <= 1, "{depth:?}");
    system.stack.faults(Service::DynamoDb).clear();
    system.order(&fulfilment()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_before_its_row_waits_for_it() {
    let system = Setup::default().with(c::SWEEP_AFTER_SECONDS, 3_600).start().await;
    let latency = Duration::from_millis(300);
    system.stack.faults(Service::DynamoDb).set(only(&["PutItem"], &FaultPlan { latency, ..FaultPlan::default() }));
    let receipt = system.order(&fulfilment()).await;
    let done = system.done(&receipt).await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(1)), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_comes_after_the_end_changes_nothing() {
    let system = Setup::default().start().await;
    let slow = FaultPlan { latency: Duration::from_millis(300), ..FaultPlan::default() };
    // Both writes are slow: that of the api began first, and may well arrive last.
    system.stack.faults(Service::S3).set(only(&["PutObject"], &slow));
    let order = fulfilment();
    let receipts = join_all((0..10).map(|_| system.post(&order))).await;
    system.stack.faults(Service::S3).clear();
    for response in &receipts {
        let done = system.done(&Receipt::of(response)).await;
        assert_eq!((done["status"].as_str(), done["revision"].as_u64()), (Some("completed"), Some(3)), "{done}");
    }
}

fn claimant(owner: &str) -> Claimant {
    let limits = Limits { max_attempts: 5, default_deadline: Duration::from_secs(600) };
    Claimant { owner: owner.to_owned(), term: Duration::ZERO, limits }
}

async fn claimed(system: &System, owner: &str, envelope: &Envelope) -> Claimed {
    let now = clock::now();
    let eta = eta::started(&ServiceTimes::configured(1.0)).window(now);
    eventually("the order is free", async || {
        let claim = claim(&system.stores, &claimant(owner), envelope, false, Outlook { eta, poll_after_ms: 1 }).await;
        match claim {
            Ok(Claim::Mine(claimed)) => Some(claimed),
            _ => None,
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_lease_cannot_replace_a_result() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let envelope = Envelope::new(receipt.id.parse().unwrap(), None);
    let result = |worker: &str| json!({"worker": worker, "padding": "x".repeat(20_000)});
    let mut paused = claimed(&system, "paused", &envelope).await;
    let mut other = claimed(&system, "other", &envelope).await;
    let complete = |result| Transition::Complete { result: Some(result) };

    let stored = store_result(&system.stores, &other, Produced::Value(&result("other").into())).await.unwrap();
    let Recorded::Stored(record) = record_end(&system.stores, &mut other, &complete(stored)).await.unwrap() else {
        panic!("the order is its own")
    };
    publish_end(&system.stores, &record, Duration::from_secs(600), None).await.unwrap();
    // The paused one wakes up.
    let late = store_result(&system.stores, &paused, Produced::Value(&result("paused").into())).await.unwrap();
    let recorded = record_end(&system.stores, &mut paused, &complete(late)).await.unwrap();
    assert!(matches!(recorded, Recorded::TakenOver));

    let done = system.done(&receipt).await;
    let linked: Value =
        system.http.get(done["result_url"].as_str().unwrap()).send().await.unwrap().json().await.unwrap();
    assert_eq!(linked, result("other"));
}

/// Writes 2 MiB once it may, and says that it is at work.
#[derive(Clone, Default)]
struct Large {
    started: Arc<Notify>,
    release: Arc<Notify>,
}

#[async_trait]
impl Processor for Large {
    async fn process(&self, _: &Order, _: &Progress) -> Result<Outcome, ProcessError> {
        self.started.notify_one();
        self.release.notified().await;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file, &vec![b'x'; 2 << 20]).unwrap();
        let (file_name, content_type) = ("large.txt".to_owned(), "text/plain".to_owned());
        Ok(Outcome::File(ResultFile { file_name, content_type, path: file.into_temp_path() }))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_lost_its_lease_uploads_no_large_result() {
    let processor = Large::default();
    let setup = Setup::default().processor(processor.clone()).with(c::VISIBILITY_SECONDS, 43_200);
    let mut system = setup.with(c::CANCEL_CHECK_SECONDS, 3_600).start().await;
    let receipt = system.order(&fulfilment()).await;
    processor.started.notified().await;
    // It fails for its worker, as a sweeper does it at the deadline.
    let record = system.stores.orders.get(receipt.id.parse().unwrap()).await.unwrap().unwrap();
    let failed = record.state.apply(Transition::Fail { error: ends::deadline_exceeded() }, clock::now()).unwrap();
    system.stores.orders.end(record.order.id, &failed).await.unwrap();
    let before = system.stack.requests(Service::S3);
    processor.release.notify_one();
    system.stop_workers().await;
    assert_eq!(system.stack.requests(Service::S3).since(&before).of("PutObject"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_an_end_late_does_not_forget_a_redriven_order() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let (orders, id) = (&system.stores.orders, receipt.id.parse().unwrap());
    let record = orders.get(id).await.unwrap().unwrap();
    let failed = record.state.apply(Transition::Fail { error: ends::dead_lettered(1, None) }, clock::now()).unwrap();
    let ended = orders.end(id, &failed).await.unwrap();
    // The operator is faster than the consumer of the dead letter, which still publishes.
    assert_eq!(redrive(&system.stores, id).await.unwrap(), Redriven::Pending(2));
    publish_end(&system.stores, &ended, Duration::from_secs(60), None).await.unwrap();
    assert!(orders.get(id).await.unwrap().unwrap().due_at.is_some());
    assert_eq!(system.poll(&receipt).await.json()["status"], "pending");
}
