//! A service that is down for a while loses nothing.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use offload_local::{FaultPlan, Outage, Service};
use offload_service::settings::catalogue as c;
use offload_tests::{Receipt, Setup, System};
use tokio::time::{Instant, sleep};

use crate::fulfilment;

/// Posts from eight clients while a service goes down and comes back; answers with what was accepted and how often
/// the service said no.
async fn load(system: &Arc<System>, service: Service, outage: Outage, down: Duration) -> (Vec<Receipt>, usize) {
    let end = Instant::now() + down + Duration::from_secs(2);
    let clients = (0..8).map(|_| {
        let system = Arc::clone(system);
        tokio::spawn(async move {
            let (mut accepted, mut refused) = (Vec::new(), 0);
            while Instant::now() < end {
                let answer = system.post(&fulfilment()).await;
                if answer.status == 202 {
                    accepted.push(Receipt::of(&answer));
                } else {
                    assert_eq!(
                        (answer.status, answer.problem().as_str()),
                        (503, "storage-unavailable"),
                        "{}",
                        answer.text
                    );
                    assert!(answer.header("retry-after").parse::<u32>().unwrap() >= 1);
                    refused += 1;
                }
                sleep(Duration::from_millis(40)).await;
            }
            (accepted, refused)
        })
    });
    let clients: Vec<_> = clients.collect();
    sleep(Duration::from_millis(500)).await;
    system.stack.faults(service).set(FaultPlan { outage: Some(outage), ..FaultPlan::default() });
    sleep(down).await;
    system.stack.faults(service).clear();
    let (mut accepted, mut refused) = (Vec::new(), 0);
    for client in join_all(clients).await {
        let (a, r) = client.expect("no client panics");
        accepted.extend(a);
        refused += r;
    }
    (accepted, refused)
}

async fn survives(service: Service, outage: Outage) {
    let setup = Setup::default().with(c::JOB_SECONDS, "0.2").with(c::VISIBILITY_SECONDS, 5).with(c::MAX_ATTEMPTS, 50);
    let system = Arc::new(setup.start().await);
    let (accepted, refused) = load(&system, service, outage, Duration::from_secs(4)).await;
    assert!(refused > 0, "{service}: the outage was felt");
    assert!(accepted.len() > 5, "{service}: {} accepted", accepted.len());
    let ends = join_all(accepted.iter().map(|r| system.done(r))).await;
    for done in ends {
        assert_eq!(done["status"], "completed", "{service}: {done}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_order_completes_though_s3_was_down() {
    survives(Service::S3, Outage::Unavailable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_order_completes_though_sqs_was_down() {
    survives(Service::Sqs, Outage::Refuse).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_order_completes_though_dynamodb_was_down() {
    survives(Service::DynamoDb, Outage::Unavailable).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_refused_is_not_worked_on_later() {
    let system = Setup::default().start().await;
    system.stack.faults(Service::Sqs).set(FaultPlan { outage: Some(Outage::Unavailable), ..FaultPlan::default() });
    let before = system.stack.requests(Service::DynamoDb);
    assert_eq!(system.post(&fulfilment()).await.status, 503);
    offload_tests::eventually("the order is taken back", async || {
        let since = system.stack.requests(Service::DynamoDb).since(&before);
        (since.with_status("DeleteItem", 200) == 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_names_what_is_down() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    system.stack.faults(Service::Sqs).set(FaultPlan { outage: Some(Outage::Unavailable), ..FaultPlan::default() });
    let ready = offload_tests::eventually("the api notices", async || {
        let answer = system.send(system.request(reqwest::Method::GET, "/readyz")).await;
        (answer.status == 503).then(|| answer.json())
    })
    .await;
    assert_eq!((&ready["s3"], &ready["dynamodb"]), (&"ok".into(), &"ok".into()), "{ready}");
    assert_ne!(ready["sqs"], "ok");
    assert_eq!(system.send(system.request(reqwest::Method::GET, "/healthz")).await.status, 200, "but it lives");
}
