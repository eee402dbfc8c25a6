//! A worker that stops loses nothing.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use offload_domain::{
    event::StatusEvent,
    fixtures,
    notification::{Notification, Target},
    tenant::Tenant,
};
use offload_local::{FaultPlan, Service};
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{Setup, eventually, orders::fulfilment};

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_stops_within_its_grace_period_and_releases_its_orders() {
    // Longer than this test may take on any machine.
    let setup = Setup::default().with(c::CONCURRENCY, 50).with(c::JOB_SECONDS, 600).with(c::SHUTDOWN_GRACE_SECONDS, 3);
    let mut system = setup.start().await;
    let receipts = join_all((0..50).map(|_| async { system.order(&fulfilment()).await })).await;
    // In flight is not enough: a message that was just received is not claimed yet.
    for r in &receipts {
        eventually("it runs", async || {
            (system.get(r).await.json()["status"].as_str() == Some("processing")).then_some(())
        })
        .await;
    }
    let begun = Instant::now();
    system.stop_workers().await;
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    eventually("all are visible again at once, not after their visibility timeout", async || {
        let depth = system.stores.queue.depth().await.ok()?;
        (depth.visible == 50).then_some(())
    })
    .await;
    for r in &receipts {
        let order = system.get(r).await.json();
        assert_eq!((order["done"].as_bool(), order["status"].as_str()), (Some(false), Some("processing")), "{order}");
    }
    system.set(c::JOB_SECONDS, "0.02");
    system.add_worker();
    for done in join_all(receipts.iter().map(|r| system.done(r))).await {
        assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(2)), "{done}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_received_while_the_worker_stops_is_visible_at_once() {
    let mut system = Setup { workers: 0, ..Setup::default() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let only = Some(vec!["ReceiveMessage".to_owned()]);
    let slow = FaultPlan { reply_latency: Duration::from_millis(300), only, ..FaultPlan::default() };
    system.stack.faults(Service::Sqs).set(slow);
    system.add_worker();
    eventually("it is received", async || (system.stores.queue.depth().await.ok()?.in_flight == 1).then_some(())).await;
    system.stop_workers().await;
    let depth = system.stores.queue.depth().await.expect("the depth");
    assert_eq!((depth.visible, depth.in_flight), (1, 0), "not after its visibility timeout of half a minute");
    assert_eq!(system.get(&receipt).await.json()["status"], "pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_received_while_the_worker_stops_is_visible_at_once() {
    let mut system = Setup { workers: 0, ..Setup::default() }.start().await;
    let event = StatusEvent::of(fixtures::record(clock::now()).status_object(None));
    let target = Target::Webhook { url: "http://127.0.0.1:1/".to_owned() };
    let to = system.stores.notifications.clone().unwrap();
    to.send(&Notification::new(target, event, Tenant::default()), Duration::ZERO, None).await.unwrap();
    // The notifier stops half a second after the consumer, and waits as long for answers.
    let only = Some(vec!["ReceiveMessage".to_owned()]);
    let slow = FaultPlan { reply_latency: Duration::from_millis(750), only, ..FaultPlan::default() };
    system.stack.faults(Service::Sqs).set(slow);
    system.add_worker();
    eventually("it is received", async || (to.webhooks.depth().await.ok()?.in_flight == 1).then_some(())).await;
    system.stop_workers().await;
    let depth = to.webhooks.depth().await.expect("the depth");
    assert_eq!((depth.visible, depth.in_flight), (1, 0), "not after its visibility timeout of a minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_finishes_what_can_finish_before_it_stops() {
    let mut system = Setup::default().with(c::JOB_SECONDS, 1).start().await;
    let receipt = system.order(&fulfilment()).await;
    // A message whose answer is on its way at the stop is given back instead.
    eventually("it runs", async || (system.get(&receipt).await.json()["status"] == "processing").then_some(())).await;
    system.stop_workers().await;
    let done = system.done(&receipt).await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(1)), "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_order_is_never_published_as_processing() {
    let system = Setup::default().start().await;
    let receipt = system.order(&fulfilment()).await;
    system.done(&receipt).await;
    assert_eq!(system.stack.requests(Service::S3).of("PutObject"), 2, "pending and completed");
    // Marked as enqueued, claimed, completed. The worker's own reports are written by PutItem.
    eventually("the order is marked as enqueued", async || {
        (system.stack.requests(Service::DynamoDb).of("UpdateItem") >= 3).then_some(())
    })
    .await;
    assert_eq!(system.stack.requests(Service::DynamoDb).of("UpdateItem"), 3);
}
