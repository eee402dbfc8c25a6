//! Channels that do not wait for each other.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use offload_domain::{
    event::StatusEvent,
    fixtures,
    notification::{Notification, Target},
    status::Status,
};
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{EventStream, Setup, System, eventually, orders::report};
use tokio::net::TcpListener;

/// More webhooks than a worker has permits.
const HANGING: usize = 400;
const EVENTS: usize = 30;

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
