//! What of a running order is written to its status object, and of what its subscribers are
//! notified without a write.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use offload_domain::order::Order;
use offload_local::{FaultPlan, Outage, Service};
use offload_service::settings::catalogue as c;
use offload_tests::{EventStream, Receipt, Setup, System, eventually, orders::fulfilment};
use offload_worker::processor::{Outcome, ProcessError, Processor, Progress};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::watch;

/// Work that reports what the test wants, and ends at 100 %.
#[derive(Clone)]
struct Driven(watch::Sender<u8>);

impl Driven {
    fn new() -> Self {
        Self(watch::Sender::new(0))
    }

    fn report(&self, percent: u8) {
        self.0.send_replace(percent);
    }
}

#[async_trait]
impl Processor for Driven {
    async fn process(&self, _: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        let mut wanted = self.0.subscribe();
        loop {
            let percent = *wanted.borrow_and_update();
            if percent == 100 {
                return Ok(Outcome::Value(None));
            }
            progress.report(percent, None);
            tokio::select! {
                () = progress.stopped() => return Err(ProcessError::stopped()),
                _ = wanted.changed() => {}
            }
        }
    }
}

fn puts(system: &System) -> u64 {
    system.stack.requests(Service::S3).of("PutObject")
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

async fn object_with(system: &System, receipt: &Receipt, percent: u8) -> Value {
    eventually("the object has the progress", async || {
        let object = system.poll(receipt).await.json();
        (object["progress"]["percent"] == percent).then_some(object)
    })
    .await
}

async fn events(system: &System, receipt: &Receipt) -> EventStream {
    let path = format!("/order/{}/events", receipt.id);
    let request = system.request(Method::GET, &path).bearer_auth(&receipt.token);
    EventStream::of(request.send().await.unwrap())
}

/// The next event of this status that reports this progress.
async fn event_of(events: &mut EventStream, status: &str, percent: Option<u8>) -> Value {
    loop {
        let event = events.next().await.expect("an event").data;
        if event["status"] == status && percent.is_none_or(|p| event["progress"]["percent"] == p) {
            return event;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_order_is_processing_before_its_first_scheduled_poll() {
    let work = Driven::new();
    let system = Setup::default().with(c::EXPECTED_JOB_SECONDS, 8).processor(work.clone()).start().await;
    let receipt = system.order(&fulfilment()).await;
    let wait = TimeDelta::milliseconds(receipt.body["poll_after_ms"].as_i64().unwrap());
    let object = eventually("it is published", async || {
        let object = system.poll(&receipt).await.json();
        (object["status"] == "processing").then_some(object)
    })
    .await;
    let accepted = time(&object["created_at"]);
    let (written, first_poll) = (time(&object["updated_at"]), accepted + wait);
    // A client's first wait may be a tenth shorter.
    assert!(written <= accepted + wait * 9 / 10, "{written}, and the first poll is at {first_poll}");
    assert!(written >= accepted + wait / 2, "no sooner than it is read: {written}, {first_poll}");
    assert_eq!(puts(&system), 2);
    work.report(100);
    system.done(&receipt).await;
    assert_eq!(puts(&system), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_for_people_is_written_within_its_budget() {
    for (writes, expected) in [("off", 3), ("some", 6)] {
        let work = Driven::new();
        let setup = Setup::default().with(c::PROGRESS_WRITES, writes).with(c::EXPECTED_JOB_SECONDS, 8);
        let system = setup.processor(work.clone()).start().await;
        let receipt = system.order(&fulfilment()).await;
        eventually("it is published", async || (puts(&system) == 2).then_some(())).await;
        for (report, written) in [(26, true), (40, false), (51, true), (74, false), (77, true), (99, false)] {
            work.report(report);
            if writes == "some" && written {
                object_with(&system, &receipt, report).await;
            }
        }
        work.report(100);
        system.done(&receipt).await;
        assert_eq!(puts(&system), expected, "{writes}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_is_notified_at_once_and_without_a_put() {
    let work = Driven::new();
    let setup = Setup::default().with(c::EXPECTED_JOB_SECONDS, 100).processor(work.clone());
    let mut system = Setup { workers: 0, ..setup }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let mut stream = events(&system, &receipt).await;
    event_of(&mut stream, "pending", None).await;
    system.add_worker();
    event_of(&mut stream, "processing", None).await;
    for percent in [10, 60, 90] {
        work.report(percent);
        let event = event_of(&mut stream, "processing", Some(percent)).await;
        let (object, order) = (system.poll(&receipt).await.json(), system.get(&receipt).await.json());
        assert_eq!(object["status"], "pending", "nobody is to poll it yet");
        assert_eq!((&order["status"], &order["progress"]), (&json!("processing"), &event["progress"]));
    }
    assert_eq!(puts(&system), 1, "pending");
    work.report(100);
    event_of(&mut stream, "completed", None).await;
    assert_eq!(system.poll(&receipt).await.json()["status"], "completed", "the object comes first");
    assert_eq!(puts(&system), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_subscribes_to_running_work_is_notified_of_its_progress() {
    let work = Driven::new();
    let system = Setup::default().with(c::EXPECTED_JOB_SECONDS, 100).processor(work.clone()).start().await;
    let receipt = system.order(&fulfilment()).await;
    eventually("it runs", async || (system.get(&receipt).await.json()["status"] == "processing").then_some(())).await;
    let mut stream = events(&system, &receipt).await;
    work.report(30);
    event_of(&mut stream, "processing", Some(30)).await;
    assert_eq!(puts(&system), 1, "pending");
    work.report(100);
    event_of(&mut stream, "completed", None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_notified_of_an_end_before_its_object_is_stored() {
    let work = Driven::new();
    let system = Setup::default().with(c::EXPECTED_JOB_SECONDS, 100).processor(work.clone()).start().await;
    let receipt = system.order(&fulfilment()).await;
    let mut stream = events(&system, &receipt).await;
    event_of(&mut stream, "processing", None).await;
    let s3 = system.stack.faults(Service::S3);
    s3.set(FaultPlan { outage: Some(Outage::Unavailable), ..FaultPlan::default() });
    work.report(100);
    let id = receipt.id.parse().unwrap();
    eventually("the end is recorded, and S3 refuses it", async || {
        let ended = system.stores.orders.get(id).await.ok()??.state.status.is_final();
        (ended && system.stack.requests(Service::S3).with_status("PutObject", 503) >= 4).then_some(())
    })
    .await;
    let silence = tokio::time::timeout(Duration::from_millis(300), event_of(&mut stream, "completed", None)).await;
    assert!(silence.is_err(), "notified of what no poll finds: {silence:?}");
    s3.set(FaultPlan::default());
    event_of(&mut stream, "completed", None).await;
    assert_eq!(system.poll(&receipt).await.json()["status"], "completed");
}
