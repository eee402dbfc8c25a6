//! A subscriber gets every change at once and misses none.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use offload_local::{FaultPlan, Service};
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{
    EventStream, Receipt, Setup, Socket, System, eventually,
    orders::{fulfilment, with_options},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn stream(system: &System, receipt: &Receipt, last: Option<&str>) -> reqwest::Response {
    let url = receipt.body["links"]["events"].as_str().expect("a link");
    let request = system.http.get(format!("{url}?token={}", receipt.token));
    let request = match last {
        Some(id) => request.header("last-event-id", id),
        None => request,
    };
    request.send().await.unwrap()
}

async fn socket(receipt: &Receipt) -> Socket {
    let url = receipt.body["links"]["websocket"].as_str().expect("a link");
    Socket::open(&format!("{url}?token={}", receipt.token)).await.unwrap()
}

async fn subscribers(system: &System, receipt: &Receipt) -> usize {
    system.stores.orders.subscribers(receipt.id.parse().unwrap(), clock::now()).await.unwrap().len()
}

fn statuses<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Vec<&'a str> {
    let mut all: Vec<&str> = objects.into_iter().map(|o| o["status"].as_str().unwrap()).collect();
    all.dedup();
    all
}

/// What one sweep reads: two conditions in 16 shards.
const SWEEP_QUERIES: u64 = 32;

/// Work that takes longer than a second and reports its progress.
fn slow() -> Setup {
    Setup::default().with(c::JOB_SECONDS, "1.5").with(c::PROCESSING_AFTER_MS, 100)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_has_every_change_and_ends_after_the_last() {
    let mut system = Setup { workers: 0, ..slow() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let mut events = EventStream::of(stream(&system, &receipt, None).await);
    let mut all = vec![events.next().await.unwrap()];
    system.add_worker();
    all.extend(events.rest().await);
    assert_eq!(statuses(all.iter().map(|e| &e.data)), ["pending", "processing", "completed"], "{all:?}");
    assert!(events.preamble.contains("retry: 2000"), "{}", events.preamble);
    assert!(
        all.iter().all(|e| Some(e.id.as_str()) == e.data["revision"].as_u64().map(|r| r.to_string()).as_deref()),
        "{all:?}"
    );
    assert!(all.is_sorted_by_key(|e| e.data["revision"].as_u64()));
    assert!(all.iter().any(|e| e.data["progress"]["percent"].as_u64() > Some(0)), "{all:?}");
    let last = all.last().unwrap();
    assert_eq!(last.data, system.done(&receipt).await, "the current object");
    // An EventSource reconnects by itself, and learns that there is nothing more.
    assert_eq!(stream(&system, &receipt, Some(&last.id)).await.status(), 204);
    let late = EventStream::of(stream(&system, &receipt, Some("1")).await).rest().await;
    assert_eq!((late.len(), &late[0].data["status"]), (1, &json!("completed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_opens_with_the_token_of_its_order_only() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let other = system.order(&fulfilment()).await;
    let path = format!("/order/{}/events", receipt.id);
    for (query, status, slug) in [
        (String::new(), 401, "token-missing"),
        (format!("?token={}", other.token), 403, "token-invalid"),
        ("?token=nonsense".to_owned(), 403, "token-invalid"),
    ] {
        let response = system.send(system.request(Method::GET, &format!("{path}{query}"))).await;
        assert_eq!((response.status, response.problem().as_str()), (status, slug), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_subscribes_to_many_orders() {
    let mut system = Setup { workers: 0, ..slow() }.start().await;
    let (first, second) = (system.order(&fulfilment()).await, system.order(&fulfilment()).await);
    let mut socket = socket(&first).await;
    let now = socket.next().await.unwrap();
    assert_eq!(
        (now["type"].as_str(), now["subject"].as_str()),
        (Some("dev.status-offload.order.status"), Some(&*first.id))
    );
    assert_eq!((now["specversion"].as_str(), now["data"]["done"].as_bool()), (Some("1.0"), Some(false)), "at once");
    socket.send(&json!({"action": "ping"})).await;
    socket.send(&json!({"action": "subscribe", "token": second.token})).await;
    system.add_worker();
    let mut events: Vec<Value> = vec![now];
    let mut pong = false;
    while events.iter().filter(|e| e["data"]["done"] == true).count() < 2 {
        let message = socket.next().await.unwrap();
        if message["type"] == "pong" {
            pong = true;
        } else {
            events.push(message);
        }
    }
    assert!(pong);
    for order in [&first, &second] {
        let own: Vec<&Value> = events.iter().filter(|e| e["subject"] == *order.id).collect();
        assert_eq!(statuses(own.iter().map(|e| &e["data"])).last(), Some(&"completed"), "{own:?}");
        assert!(own.is_sorted_by(|a, b| a["revision"].as_u64() < b["revision"].as_u64()), "{own:?}");
        assert_eq!(own.last().unwrap()["data"], system.done(order).await, "the current object");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_gets_a_problem_for_what_it_did_wrong() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let url = receipt.body["links"]["websocket"].as_str().unwrap().to_owned();
    assert_eq!(Socket::open(&format!("{url}?token=nonsense")).await.err(), Some(403));
    let plain = system.send(system.request(Method::GET, "/ws")).await;
    assert_eq!((plain.status, plain.problem().as_str()), (426, "not-a-websocket"));
    let mut socket = Socket::open(&url).await.unwrap();
    for (message, slug) in [
        (json!({"action": "dance"}), "unknown-action"),
        (json!(["subscribe"]), "invalid-message"),
        (json!({"action": "subscribe"}), "token-missing"),
        (json!({"action": "subscribe", "token": "x"}), "token-invalid"),
    ] {
        socket.send(&message).await;
        let problem = socket.next().await.unwrap();
        let kind = problem["type"].as_str().unwrap();
        assert!(kind.ends_with(slug) && problem["status"].as_u64() >= Some(400), "{message}: {problem}");
    }
    socket.send(&json!({"action": "subscribe", "token": receipt.token})).await;
    assert_eq!(socket.next().await.unwrap()["data"]["status"], "pending");
    socket.send(&json!({"action": "unsubscribe", "token": receipt.token})).await;
    assert_eq!(socket.next().await.unwrap(), json!({"type": "unsubscribed", "order": receipt.id}));
    // The end of one subscription must not delete the row of the next: a deletion that the api did
    // not wait for would come after the next row.
    let slow = FaultPlan {
        latency: Duration::from_millis(100),
        only: Some(vec!["DeleteItem".to_owned()]),
        ..FaultPlan::default()
    };
    system.stack.faults(Service::DynamoDb).set(slow);
    for _ in 0..5 {
        socket.send(&json!({"action": "subscribe", "token": receipt.token})).await;
        socket.send(&json!({"action": "unsubscribe", "token": receipt.token})).await;
    }
    socket.send(&json!({"action": "subscribe", "token": receipt.token})).await;
    for _ in 0..11 {
        socket.next().await.unwrap();
    }
    eventually("every unsubscription has deleted its row", async || {
        (system.stack.requests(Service::DynamoDb).with_status("DeleteItem", 200) == 6).then_some(())
    })
    .await;
    assert_eq!(subscribers(&system, &receipt).await, 1, "the last subscription is there");
    socket.send(&json!({"action": "unsubscribe", "token": receipt.token})).await;
    assert_eq!(socket.next().await.unwrap(), json!({"type": "unsubscribed", "order": receipt.id}));
    // A cancellation is published, and its notifications are sent, before its response.
    let before = (system.stack.requests(Service::S3), system.stack.requests(Service::Sqs));
    assert_eq!(system.cancel(&receipt).await.status, 202);
    let (objects, queues) = (system.stack.requests(Service::S3), system.stack.requests(Service::Sqs));
    assert_eq!(objects.since(&before.0).with_status("PutObject", 200), 1);
    let sent = queues.since(&before.1);
    assert_eq!((sent.of("SendMessage"), sent.of("SendMessageBatch")), (0, 0), "no notification without a subscriber");
    socket.send(&json!({"action": "ping"})).await;
    assert_eq!(socket.next().await.unwrap(), json!({"type": "pong"}), "and no event came before");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_every_server_get_the_events_of_one_worker() {
    let system = Setup { apis: 3, ..slow() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let sockets = system.apis.iter().map(|api| async {
        let url = format!("{}/ws?token={}", api.replace("http", "ws"), receipt.token);
        let mut socket = Socket::open(&url).await.unwrap();
        socket.until_done().await
    });
    for events in join_all(sockets).await {
        assert_eq!(statuses(events.iter().map(|e| &e["data"])).last(), Some(&"completed"), "{events:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_returns_on_a_change_and_reads_nothing_before() {
    // The worker has nothing to do but its sweeps, which count the time.
    let system = Setup::default().start().await;
    let receipt = system.order(&with_options(fulfilment(), json!({"delay_seconds": 600}))).await;
    let path = format!("/order/{}", receipt.id);
    let get = system.request(Method::GET, &path).bearer_auth(&receipt.token).header("prefer", "wait=30");
    let long_poll = tokio::spawn(get.send());
    eventually("it is open", async || {
        let metrics = system.send(system.request(Method::GET, "/metrics")).await.text;
        metrics.contains("open_connections 1\n").then_some(())
    })
    .await;
    let before = (system.stack.requests(Service::DynamoDb), system.stack.requests(Service::S3));
    let (table, objects) = eventually("the worker has swept five times", async || {
        let (table, objects) = (system.stack.requests(Service::DynamoDb), system.stack.requests(Service::S3));
        let table = table.since(&before.0);
        (table.of("Query") >= 5 * SWEEP_QUERIES).then(|| (table, objects.since(&before.1)))
    })
    .await;
    assert_eq!((table.of("GetItem"), objects.total()), (0, 0), "{table:?}");
    let begun = Instant::now();
    system.cancel(&receipt).await;
    let response = long_poll.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(response.headers()["preference-applied"], "wait=30");
    assert_eq!(response.json::<Value>().await.unwrap()["status"], "cancelled");
    eventually("the subscription ends", async || (subscribers(&system, &receipt).await == 0).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_may_wait_for_the_end_of_its_order() {
    let system = Setup::default().start().await;
    let post = system.request(Method::POST, "/order").json(&fulfilment()).header("prefer", "wait=30");
    let response = system.send(post).await;
    assert_eq!((response.status, response.header("preference-applied")), (200, "wait=30"), "{}", response.text);
    assert_eq!(response.json()["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_without_subscribers_costs_no_notification() {
    let system = Setup::default().start().await;
    let receipt = system.order(&fulfilment()).await;
    system.done(&receipt).await;
    let sqs = system.stack.requests(Service::Sqs);
    assert_eq!((sqs.of("SendMessage"), sqs.of("SendMessageBatch")), (1, 0), "the order's own message");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_may_be_cancelled_when_its_last_subscriber_leaves() {
    let mut system = Setup { workers: 0, ..Setup::default() }.start().await;
    let subscribe = async |receipt: &Receipt, more: &str| {
        let url = receipt.body["links"]["events"].as_str().unwrap();
        let mut events =
            EventStream::of(system.http.get(format!("{url}?token={}{more}", receipt.token)).send().await.unwrap());
        assert_eq!(events.next().await.unwrap().data["status"], "pending");
        events
    };
    let (left, kept, plain) =
        (system.order(&fulfilment()).await, system.order(&fulfilment()).await, system.order(&fulfilment()).await);
    let cancels = "&cancel_on_disconnect=true";
    let stays = subscribe(&kept, "").await;
    let before = system.stack.requests(Service::DynamoDb);
    drop(subscribe(&kept, cancels).await);
    drop(subscribe(&plain, "").await);
    drop((subscribe(&left, cancels).await, subscribe(&left, cancels).await));
    assert_eq!(system.done(&left).await["status"], "cancelled");
    // Each of the three that leave with a cancellation reads the subscribers, and so does the
    // event.
    eventually("the subscribers are read", async || {
        (system.stack.requests(Service::DynamoDb).since(&before).of("Query") >= 4).then_some(())
    })
    .await;
    for receipt in [&kept, &plain] {
        assert_eq!(system.get(receipt).await.json()["status"], "pending");
    }
    drop(stays);
    system.add_worker();
    for receipt in [&kept, &plain] {
        assert_eq!(system.done(receipt).await["status"], "completed");
    }
}
