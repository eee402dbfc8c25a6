//! Channels that do not wait for each other.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use offload_domain::{
    event::StatusEvent,
    fixtures,
    notification::{Holder, Notification, OpenConnection, Target},
    status::Status,
    tenant::Tenant,
};
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{EventStream, Setup, System, eventually, orders::report};
use tokio::net::TcpListener;

/// More webhooks than a worker has permits.
const HANGING: usize = 400;
const EVENTS: usize = 30;
/// More than a worker works off while a probe is on its way.
const FLOOD: usize = 1_000;

/// How long the slowest of some events took from its write to its subscriber.
async fn slowest_event(system: &System) -> Duration {
    let mut slowest = Duration::ZERO;
    for _ in 0..EVENTS {
        let receipt = system.order(&report(1)).await;
        let url = format!("{}/order/{}/events", system.apis[0], receipt.id);
        let response = system.http.get(url).bearer_auth(&receipt.token).send().await.unwrap();
        let mut events = EventStream::of(response);
        let finished: DateTime<Utc> = loop {
            let event = events.next().await.expect("the order's end");
            if event.data["done"] == true {
                break event.data["finished_at"].as_str().unwrap().parse().unwrap();
            }
        };
        slowest = slowest.max((clock::now() - finished).to_std().unwrap_or_default());
    }
    slowest
}

/// An event of an order of a tenant that nobody else waits for.
fn hanging(tenant: &str, url: String) -> Notification {
    let mut record = fixtures::record(clock::now());
    record.state.status = Status::Completed;
    let event = StatusEvent::of(record.status_object(None));
    Notification::new(Target::Webhook { url }, event, tenant.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_waits_for_no_webhook_that_hangs() {
    let system = Setup::default().with(c::PROCESSING_AFTER_MS, 60_000).start().await;
    let alone = slowest_event(&system).await;
    // The kernel accepts, and nobody answers. Each address of this machine is another origin.
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url = |n: usize| format!("http://127.0.{}.{}:{port}/", n / 250, n % 250 + 1);
    let flood: Vec<Notification> = (1..=HANGING).map(|n| hanging("noisy", url(n))).collect();
    let to = system.stores.notifications.as_ref().unwrap();
    to.send_all(flood, None).await.unwrap();
    let begun = Instant::now();
    eventually("the worker works on them", async || (to.webhooks.depth().await.unwrap().in_flight > 0).then_some(()))
        .await;
    let beside = slowest_event(&system).await;
    // One that waits behind a webhook waits for seconds.
    assert!(beside < alone * 2 + Duration::from_millis(500), "alone {alone:?}, beside webhooks {beside:?}");
    let retries = to.webhook_retries.depth().await.unwrap();
    let waiting = retries.visible + retries.in_flight + retries.delayed;
    assert!(waiting > 0, "after {:?} some wait to be tried again", begun.elapsed());
}

/// Sends a flood before a probe, and starts a worker: how much of the flood waits still when the
/// receiver of the probe has it.
async fn waiting_behind(flood: Notification, probe: impl FnOnce(String) -> Target) -> u64 {
    let mut system = Setup { workers: 0, ..Setup::default() }.start().await;
    let to = system.stores.notifications.clone().unwrap();
    to.send_all(vec![flood.clone(); FLOOD], None).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let event = StatusEvent::of(fixtures::record(clock::now()).status_object(None));
    to.send(&Notification::new(probe(url), event, Tenant::default()), Duration::ZERO, None).await.unwrap();
    system.add_worker();
    let _arrived = listener.accept().await.unwrap();
    let queue = if matches!(flood.target, Target::Webhook { .. }) { &to.webhooks } else { &to.queue };
    queue.depth().await.unwrap().visible
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_waits_for_none_to_a_dead_endpoint_of_its_tenant() {
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let flood = hanging("default", format!("http://{}/", dead.local_addr().unwrap()));
    // Endpoints share a group by chance, one in thirty-two.
    let waiting = waiting_behind(flood.clone(), |url| Target::Webhook { url }).await;
    let waiting = if waiting > 0 { waiting } else { waiting_behind(flood, |url| Target::Webhook { url }).await };
    assert!(waiting > FLOOD as u64 / 2, "{waiting} of {FLOOD} wait still");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_waits_for_no_task() {
    let task = Notification { target: Target::Task { token: "t".into() }, ..hanging("default", String::new()) };
    let connection =
        |endpoint| Target::Connection(OpenConnection { holder: Holder::ApiServer, endpoint, id: "a".into() });
    let waiting = waiting_behind(task, connection).await;
    assert!(waiting > FLOOD as u64 / 2, "{waiting} of {FLOOD} wait still");
}
