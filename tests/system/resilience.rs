//! An accepted order ends, whatever fails under it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use offload_domain::{
    id::OrderId,
    message::Envelope,
    order::{Order, OrderRecord},
};
use offload_lifecycle::redrive::{Redriven, redrive};
use offload_local::Options;
use offload_service::{clock, settings::catalogue as c};
use offload_stores::{CallPolicy, Connection, Endpoints};
use offload_tests::{
    Poller, RawObject, Receipt, Setup, System, eventually,
    orders::{fulfilment, new_record, with_options},
};
use offload_worker::processor::{Outcome, ProcessError, Processor, Progress};
use serde_json::{Value, json};
use tokio::time::sleep;

/// An order that is in the table only: its api died right after the write.
async fn half_accepted(system: &System) -> (OrderRecord, Receipt) {
    let record = new_record();
    let id = record.order.id;
    system.stores.orders.insert(&record, None).await.unwrap();
    let url = system.stores.presigner.get(&id.status_key(), Duration::from_secs(600), clock::now()).await.unwrap().0;
    (record, Receipt { id: id.to_string(), status_url: url, token: String::new(), body: Value::Null })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweeper_enqueues_the_order_of_an_api_that_died() {
    let setup = Setup { workers: 3, ..Setup::default() }.with(c::SWEEP_AFTER_SECONDS, 0);
    let system = setup.start().await;
    let (record, receipt) = half_accepted(&system).await;
    let done = system.done(&receipt).await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(1)), "{done}");
    eventually("every message is settled, also when several sweepers sent one", async || {
        let depth = system.stores.queue.depth().await.ok()?;
        (depth.visible + depth.in_flight == 0).then_some(())
    })
    .await;
    assert_eq!(system.stores.orders.get(record.order.id).await.unwrap().unwrap().due_at, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_ends_its_order_as_failed() {
    let mut system = Setup { workers: 0, ..Setup::default() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let id: OrderId = receipt.id.parse().unwrap();
    // As the queue does after too many deliveries.
    let mut deliveries = system.stores.queue.receive(1, Duration::from_secs(5), Duration::from_secs(30)).await.unwrap();
    let dead = system.stores.dead_letters.clone().unwrap();
    dead.send(&Envelope::new(id, None), Duration::ZERO, None).await.unwrap();
    deliveries.remove(0).complete().await.unwrap();
    system.add_worker();
    let done = system.done(&receipt).await;
    assert!(done["error"]["type"].as_str().unwrap().ends_with("/dead-lettered"), "{done}");
    eventually("the letter is deleted", async || {
        let depth = dead.depth().await.ok()?;
        (depth.visible + depth.in_flight == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_failed_at_every_attempt_can_be_redriven() {
    let file = tempfile::NamedTempFile::new().unwrap();
    // Fails at the two attempts that it has, and works at the third.
    let script = format!(
        "import sys\nf = open({:?}, 'a+')\nf.write('x')\nf.flush()\nf.seek(0)\nsys.exit(0 if len(f.read()) >= 3 else 75)",
        file.path()
    );
    let command = json!(["python3", "-c", script]).to_string();
    let setup = Setup::default().with(c::PROCESSOR, "command").with(c::COMMAND, command).with(c::MAX_ATTEMPTS, 2);
    let system = setup.start().await;
    let receipt = system.order(&fulfilment()).await;
    let failed = system.done(&receipt).await;
    assert!(failed["error"]["type"].as_str().unwrap().ends_with("/attempts-exhausted"), "{failed}");
    let dead = system.stores.orders.failed(clock::now() + chrono::TimeDelta::seconds(1), 10).await.unwrap();
    assert!(dead.iter().map(ToString::to_string).eq([receipt.id.as_str()]), "{dead:?}");

    assert_eq!(redrive(&system.stores, dead[0]).await.unwrap(), Redriven::Pending(2));
    assert_eq!(redrive(&system.stores, dead[0]).await.unwrap(), Redriven::NotFailed, "only once");
    let done = eventually("the new generation ends", async || {
        let object = system.poll(&receipt).await.json();
        assert!(object["revision"].as_u64() >= failed["revision"].as_u64(), "{object}");
        (object["generation"] == 2 && object["done"] == true).then_some(object)
    })
    .await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(1)), "{done}");
    assert!(system.stores.orders.failed(clock::now(), 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_past_its_deadline_fails_while_no_worker_is_free() {
    let system = Setup::default().with(c::CONCURRENCY, 1).with(c::JOB_SECONDS, 60).start().await;
    system.order(&fulfilment()).await;
    eventually("the worker is busy", async || (system.stores.queue.depth().await.ok()?.in_flight == 1).then_some(()))
        .await;
    let order = with_options(fulfilment(), json!({"deadline_seconds": 1}));
    let receipt = system.order(&order).await;
    let done = Poller::default().until_done(&system.http, &receipt.status_url).await;
    assert!(done["error"]["type"].as_str().unwrap().ends_with("/deadline-exceeded"), "{done}");
    assert_eq!(done["attempt"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_longer_than_its_lease_runs_once() {
    let system =
        Setup { workers: 2, ..Setup::default() }.with(c::VISIBILITY_SECONDS, 3).with(c::JOB_SECONDS, 5).start().await;
    let receipt = system.order(&fulfilment()).await;
    let done = system.done(&receipt).await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(1)), "{done}");
}

/// Needs longer than a lease to stop, as a program that cleans up does.
struct SlowToStop {
    started: Arc<AtomicUsize>,
}

#[async_trait]
impl Processor for SlowToStop {
    async fn process(&self, _: &Order, progress: &Progress) -> Result<Outcome, ProcessError> {
        self.started.fetch_add(1, Ordering::Relaxed);
        progress.stopped().await;
        sleep(Duration::from_millis(4_500)).await;
        Ok(Outcome::Value(None))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_is_kept_while_a_stopped_processor_ends() {
    let started = Arc::new(AtomicUsize::new(0));
    let setup = Setup { workers: 2, ..Setup::default() }.processor(SlowToStop { started: Arc::clone(&started) });
    let system = setup.with(c::VISIBILITY_SECONDS, 3).with(c::JOB_TIMEOUT_SECONDS, "0.5").start().await;
    let done = system.done(&system.order(&fulfilment()).await).await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(1)), "{done}");
    assert_eq!(started.load(Ordering::Relaxed), 1, "no other worker took the order over");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_message_is_delivered_twice_is_processed_once() {
    let system = Setup { workers: 2, ..Setup::default() }.with(c::JOB_SECONDS, 1).start().await;
    let receipt = system.order(&fulfilment()).await;
    let id: OrderId = receipt.id.parse().unwrap();
    for _ in 0..5 {
        system.stores.queue.send(&Envelope::new(id, None), Duration::ZERO, None).await.unwrap();
    }
    let done = system.done(&receipt).await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(1)), "{done}");
    eventually("all copies are settled", async || {
        let depth = system.stores.queue.depth().await.ok()?;
        (depth.visible + depth.in_flight == 0).then_some(())
    })
    .await;
    assert_eq!(system.done(&receipt).await, done, "and nothing was written after that");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_url_expires_with_its_credentials_at_the_latest() {
    let stack = Options { min_session_seconds: 60, ..Options::ephemeral() };
    let setup = Setup { workers: 0, apis: 0, stack, ..Setup::default() };
    let system = setup.with(c::SIGNER_ROLE_ARN, "arn:aws:iam::000000000000:role/signer").start().await;
    let e = system.stack.endpoints();
    let keys = Options::ephemeral();
    let endpoints = Endpoints {
        s3: e.s3.clone(),
        sqs: e.sqs.clone(),
        dynamodb: e.dynamodb.clone(),
        region: keys.region,
        access_key_id: keys.access_key_id,
        secret_access_key: keys.secret_access_key,
    };
    let connection =
        Connection::to(endpoints, CallPolicy::INTERACTIVE).await.with_session_length(Duration::from_secs(60));
    let stores = connection.stores(&system.store_settings()).await.unwrap();
    let (_, receipt) = half_accepted(&system).await;
    let key = receipt.id.parse::<OrderId>().unwrap().status_key();
    let sign = async || {
        let now = clock::now();
        let (url, until): (String, DateTime<Utc>) =
            stores.presigner.get(&key, Duration::from_secs(3_600), now).await.unwrap();
        (url, (until - now).num_seconds())
    };
    let (url, seconds) = sign().await;
    assert!(url.contains("X-Amz-Security-Token") && (20..=60).contains(&seconds), "{seconds}");
    let end = stores.presigner.renewed_credentials_end(clock::now()).await.unwrap().unwrap();
    assert!((20..=60).contains(&(end - clock::now()).num_seconds()), "{end}");
    system.stack.advance_clock(Duration::from_secs(61)).await;
    let expired = system.send(system.http.get(&url)).await;
    assert_eq!(expired.status, 400, "{}", expired.text);
    assert!(expired.text.contains("ExpiredToken"), "{}", expired.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_credentials_open_the_one_object_only() {
    let role = "arn:aws:iam::000000000000:role/signer";
    let system = Setup::default().with(c::SIGNER_ROLE_ARN, role).with(c::ACCESS, "sts").start().await;
    let response = system.post(&fulfilment()).await;
    let receipt = response.json();
    assert_eq!(response.status, 202, "{receipt}");
    assert!(receipt["status_url"].is_null() && receipt["status_url_expires_at"].is_null(), "{receipt}");
    let other = system.post(&fulfilment()).await.json();
    let token = receipt["order_token"].as_str().unwrap();
    let get = system.request(reqwest::Method::GET, &format!("/order/{}", receipt["id"].as_str().unwrap()));
    let renewed = system.send(get.bearer_auth(token)).await.json();
    assert!(renewed["status_url"].is_null(), "{renewed}");
    for access in [&receipt["status_access"], &renewed["status_access"]] {
        let expires: DateTime<Utc> = access["expires_at"].as_str().unwrap().parse().unwrap();
        assert!((890..=3_600).contains(&(expires - clock::now()).num_seconds()), "{expires}");
        let read = async |access: &Value, key: &Value| RawObject::of(access).get(&system.http, key).await;
        let (status, body) = read(access, &access["key"]).await;
        assert_eq!(status, 200, "{body}");
        assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["id"], receipt["id"]);
        let (status, body) = read(access, &other["status_access"]["key"]).await;
        assert_eq!((status, body.contains("AccessDenied")), (403, true), "{body}");
    }
}
