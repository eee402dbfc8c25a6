//! A service that is down for a while loses nothing.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::future::join_all;
use offload_local::{FaultPlan, Outage, Service};
use offload_service::settings::catalogue as c;
use offload_tests::{Receipt, Setup, System, eventually, orders::fulfilment};
use reqwest::Method;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// What eight clients got that submit orders one after the other.
#[derive(Default)]
struct Load {
    accepted: Mutex<Vec<Receipt>>,
    refused: AtomicUsize,
    stop: CancellationToken,
}

impl Load {
    fn accepted(&self) -> usize {
        self.accepted.lock().unwrap().len()
    }

    async fn client(self: Arc<Self>, system: Arc<System>) {
        while !self.stop.is_cancelled() {
            let response = system.post(&fulfilment()).await;
            if response.status == 202 {
                self.accepted.lock().unwrap().push(Receipt::of(&response));
            } else {
                let text = &response.text;
                assert_eq!((response.status, &*response.problem()), (503, "storage-unavailable"), "{text}");
                assert!(response.header("retry-after").parse::<u32>().unwrap() >= 1);
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
            // The rate of the load.
            sleep(Duration::from_millis(40)).await;
        }
    }

    /// Waits until the clients have got eight more orders accepted.
    async fn accepts_more(&self, when: &str) {
        let before = self.accepted();
        eventually(when, async || (self.accepted() >= before + 8).then_some(())).await;
    }
}

/// A service goes down under load and comes back; the orders that were accepted all the while.
async fn accepted_around(system: &Arc<System>, service: Service, outage: Outage) -> Vec<Receipt> {
    let load = Arc::new(Load::default());
    let clients: Vec<_> = (0..8).map(|_| tokio::spawn(Arc::clone(&load).client(Arc::clone(system)))).collect();
    load.accepts_more("orders are accepted before the outage").await;
    system.stack.faults(service).set(FaultPlan { outage: Some(outage), ..FaultPlan::default() });
    eventually("orders are refused", async || (load.refused.load(Ordering::Relaxed) > 0).then_some(())).await;
    // As long as the outage lasts: longer than one call is retried, by api and worker.
    sleep(Duration::from_secs(4)).await;
    system.stack.faults(service).clear();
    load.accepts_more("orders are accepted after the outage").await;
    load.stop.cancel();
    for client in join_all(clients).await {
        client.expect("no client panics");
    }
    std::mem::take(&mut load.accepted.lock().unwrap())
}

async fn survives(service: Service, outage: Outage) {
    let setup = Setup::default().with(c::JOB_SECONDS, "0.2").with(c::VISIBILITY_SECONDS, 5).with(c::MAX_ATTEMPTS, 50);
    let system = Arc::new(setup.start().await);
    let accepted = accepted_around(&system, service, outage).await;
    let ends = join_all(accepted.iter().map(|r| system.done(r))).await;
    for done in ends {
        assert_eq!(done["status"], "completed", "{service}: {done}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_order_completes_after_an_outage_of_s3() {
    survives(Service::S3, Outage::Unavailable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_order_completes_after_an_outage_of_sqs() {
    survives(Service::Sqs, Outage::Refuse).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_order_completes_after_an_outage_of_dynamodb() {
    survives(Service::DynamoDb, Outage::Unavailable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_order_is_withdrawn() {
    // A worker writes to the table too.
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    system.stack.faults(Service::Sqs).set(FaultPlan { outage: Some(Outage::Unavailable), ..FaultPlan::default() });
    let before = system.stack.requests(Service::DynamoDb);
    assert_eq!(system.post(&fulfilment()).await.status, 503);
    let since = system.stack.requests(Service::DynamoDb).since(&before);
    assert_eq!(since.with_status("PutItem", 200), 2, "its row, and what is left of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_what_is_down() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    system.stack.faults(Service::Sqs).set(FaultPlan { outage: Some(Outage::Unavailable), ..FaultPlan::default() });
    let ready = eventually("the api notices", async || {
        let response = system.send(system.request(Method::GET, "/readyz")).await;
        (response.status == 503).then(|| response.json())
    })
    .await;
    assert_eq!((&ready["s3"], &ready["dynamodb"]), (&"ok".into(), &"ok".into()), "{ready}");
    assert_ne!(ready["sqs"], "ok");
    assert_eq!(system.send(system.request(Method::GET, "/healthz")).await.status, 200, "but it is alive");
}

/// What `/readyz` says of a store whose reads succeed while these writes of it fail, after an order
/// that was refused, and what it says once they succeed again.
async fn readiness_by_writes(service: Service, writes: &[&str], orders: usize, member: &str) {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let only = Some(writes.iter().map(ToString::to_string).collect());
    let down = FaultPlan { outage: Some(Outage::Unavailable), only, ..FaultPlan::default() };
    system.stack.faults(service).set(down);
    let readiness = async |status: u16| {
        let response = system.send(system.request(Method::GET, "/readyz")).await;
        (response.status == status).then(|| response.json())
    };
    assert!(readiness(200).await.is_some(), "nothing was written yet, and all can be read");
    for _ in 0..orders {
        assert_eq!(system.post(&fulfilment()).await.status, 503);
    }
    let unready = eventually("the api notices", async || readiness(503).await).await;
    assert_eq!(unready[member], "unavailable", "{unready}");
    let others = ["s3", "sqs", "dynamodb"].iter().filter(|name| **name != member);
    assert!(others.clone().all(|name| unready[*name] == "ok"), "{unready}");
    system.stack.faults(service).clear();
    eventually("it is ready again without an order", async || readiness(200).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_is_not_ready_while_the_table_takes_no_write() {
    readiness_by_writes(Service::DynamoDb, &["PutItem", "UpdateItem", "TransactWriteItems"], 1, "dynamodb").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_is_not_ready_while_the_bucket_takes_no_write() {
    readiness_by_writes(Service::S3, &["PutObject"], 1, "s3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_is_not_ready_while_the_queue_takes_no_message() {
    readiness_by_writes(Service::Sqs, &["SendMessage", "SendMessageBatch"], 3, "sqs").await;
}
