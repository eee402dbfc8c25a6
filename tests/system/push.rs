//! Whoever wants to be told of changes is told, at once, and misses nothing.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use offload_local::Service;
use offload_service::settings::catalogue as c;
use offload_tests::{EventStream, Receipt, Setup, Socket, System, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fulfilment;

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

fn statuses<'a>(objects: impl IntoIterator<Item = &'a Value>) -> Vec<&'a str> {
    let mut all: Vec<&str> = objects.into_iter().map(|o| o["status"].as_str().unwrap()).collect();
    all.dedup();
    all
}

/// Work that takes a second and tells how far it is.
fn slow() -> Setup {
    Setup::default().with(c::JOB_SECONDS, "1.5").with(c::PROCESSING_AFTER_MS, 100)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_tells_every_change_and_ends_after_the_last() {
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
    assert_eq!(last.data, system.done(&receipt).await, "what stands in S3");
    // An EventSource comes back by itself, and is told that there is nothing more.
    assert_eq!(stream(&system, &receipt, Some(&last.id)).await.status(), 204);
    let late = EventStream::of(stream(&system, &receipt, Some("1")).await).rest().await;
    assert_eq!((late.len(), &late[0].data["status"]), (1, &json!("completed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_is_for_the_orders_token_only() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let other = system.order(&fulfilment()).await;
    let path = format!("/order/{}/events", receipt.id);
    for (query, status, slug) in [
        (String::new(), 401, "token-missing"),
        (format!("?token={}", other.token), 403, "token-invalid"),
        ("?token=nonsense".to_owned(), 403, "token-invalid"),
    ] {
        let answer = system.send(system.request(Method::GET, &format!("{path}{query}"))).await;
        assert_eq!((answer.status, answer.problem().as_str()), (status, slug), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_follows_many_orders() {
    let mut system = Setup { workers: 0, ..slow() }.start().await;
    let (first, second) = (system.order(&fulfilment()).await, system.order(&fulfilment()).await);
    let mut socket = socket(&first).await;
    let now = socket.next().await.unwrap();
    assert_eq!(
        (now["type"].as_str(), now["subject"].as_str()),
        (Some("dev.status-offload.order.status"), Some(&*first.id))
    );
    assert_eq!((now["specversion"].as_str(), now["data"]["done"].as_bool()), (Some("1.0"), Some(false)), "at once");
    socket.say(&json!({"action": "ping"})).await;
    socket.say(&json!({"action": "subscribe", "token": second.token})).await;
    system.add_worker();
    let mut seen: Vec<Value> = vec![now];
    let mut pong = false;
    while seen.iter().filter(|e| e["data"]["done"] == true).count() < 2 {
        let message = socket.next().await.unwrap();
        if message["type"] == "pong" {
            pong = true;
        } else {
            seen.push(message);
        }
    }
    assert!(pong);
    for order in [&first, &second] {
        let own: Vec<&Value> = seen.iter().filter(|e| e["subject"] == *order.id).collect();
        assert_eq!(statuses(own.iter().map(|e| &e["data"])).last(), Some(&"completed"), "{own:?}");
        assert!(own.is_sorted_by(|a, b| a["revision"].as_u64() < b["revision"].as_u64()), "{own:?}");
        assert_eq!(own.last().unwrap()["data"], system.done(order).await, "what stands in S3");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_is_told_what_it_did_wrong() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let url = receipt.body["links"]["websocket"].as_str().unwrap().to_owned();
    assert_eq!(Socket::open(&format!("{url}?token=nonsense")).await.err(), Some(401));
    let plain = system.send(system.request(Method::GET, "/ws")).await;
    assert_eq!((plain.status, plain.problem().as_str()), (426, "not-a-websocket"));
    let mut socket = Socket::open(&url).await.unwrap();
    for (message, slug) in [
        (json!({"action": "dance"}), "unknown-action"),
        (json!(["subscribe"]), "invalid-message"),
        (json!({"action": "subscribe"}), "token-missing"),
        (json!({"action": "subscribe", "token": "x"}), "token-invalid"),
    ] {
        socket.say(&message).await;
        let problem = socket.next().await.unwrap();
        let kind = problem["type"].as_str().unwrap();
        assert!(kind.ends_with(slug) && problem["status"].as_u64() >= Some(400), "{message}: {problem}");
    }
    socket.say(&json!({"action": "subscribe", "token": receipt.token})).await;
    assert_eq!(socket.next().await.unwrap()["data"]["status"], "pending");
    socket.say(&json!({"action": "unsubscribe", "token": receipt.token})).await;
    assert_eq!(socket.next().await.unwrap(), json!({"type": "unsubscribed", "order": receipt.id}));
    // As fast as it can be said: the row of the first must not take that of the second away.
    for _ in 0..20 {
        socket.say(&json!({"action": "subscribe", "token": receipt.token})).await;
        socket.say(&json!({"action": "unsubscribe", "token": receipt.token})).await;
    }
    socket.say(&json!({"action": "subscribe", "token": receipt.token})).await;
    for _ in 0..41 {
        socket.next().await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (id, now) = (receipt.id.parse().unwrap(), offload_service::clock::now());
    assert_eq!(system.stores.orders.watchers(id, now).await.unwrap().len(), 1, "it follows again");
    socket.say(&json!({"action": "unsubscribe", "token": receipt.token})).await;
    assert_eq!(socket.next().await.unwrap(), json!({"type": "unsubscribed", "order": receipt.id}));
    system.cancel(&receipt).await;
    assert!(socket.is_silent(Duration::from_millis(500)).await, "it follows nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_every_server_hear_of_one_workers_work() {
    let system = Setup { apis: 3, ..slow() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let follow = system.apis.iter().map(|api| async {
        let url = format!("{}/ws?token={}", api.replace("http", "ws"), receipt.token);
        let mut socket = Socket::open(&url).await.unwrap();
        socket.until_done().await
    });
    for events in join_all(follow).await {
        assert_eq!(statuses(events.iter().map(|e| &e["data"])).last(), Some(&"completed"), "{events:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_request_is_answered_the_moment_its_order_changes_and_asks_nothing_meanwhile() {
    let mut system = Setup { workers: 0, ..Setup::default() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let path = format!("/order/{}", receipt.id);
    let get = system.request(Method::GET, &path).bearer_auth(&receipt.token).header("prefer", "wait=30");
    let held = tokio::spawn(get.send());
    eventually("it is held", async || {
        let metrics = system.send(system.request(Method::GET, "/metrics")).await.text;
        metrics.contains("open_connections 1\n").then_some(())
    })
    .await;
    let before = (system.stack.requests(Service::DynamoDb), system.stack.requests(Service::S3));
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let (table, objects) = (system.stack.requests(Service::DynamoDb), system.stack.requests(Service::S3));
    assert_eq!((table.since(&before.0).of("GetItem"), objects.since(&before.1).total()), (0, 0));
    let begun = Instant::now();
    system.add_worker();
    let answer = held.await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(answer.headers()["preference-applied"], "wait=30");
    assert_eq!(answer.json::<Value>().await.unwrap()["status"], "completed");
    eventually("nobody is listed as watching any more", async || {
        let id = receipt.id.parse().unwrap();
        let watchers = system.stores.orders.watchers(id, offload_service::clock::now()).await.ok()?;
        watchers.is_empty().then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_may_be_held_to_the_end_of_its_order() {
    let system = Setup::default().start().await;
    let post = system.request(Method::POST, "/order").json(&fulfilment()).header("prefer", "wait=30");
    let answer = system.send(post).await;
    assert_eq!((answer.status, answer.header("preference-applied")), (200, "wait=30"), "{}", answer.text);
    assert_eq!(answer.json()["status"], "completed");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_not_followed_costs_no_notification() {
    let system = Setup::default().start().await;
    let receipt = system.order(&fulfilment()).await;
    system.done(&receipt).await;
    let sqs = system.stack.requests(Service::Sqs);
    assert_eq!((sqs.of("SendMessage"), sqs.of("SendMessageBatch")), (1, 0), "the order's own message");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_follower_may_take_its_order_along() {
    let mut system = Setup { workers: 0, ..Setup::default() }.start().await;
    let follow = async |receipt: &Receipt, more: &str| {
        let url = receipt.body["links"]["events"].as_str().unwrap();
        let mut events =
            EventStream::of(system.http.get(format!("{url}?token={}{more}", receipt.token)).send().await.unwrap());
        assert_eq!(events.next().await.unwrap().data["status"], "pending");
        events
    };
    let (left, kept, plain) =
        (system.order(&fulfilment()).await, system.order(&fulfilment()).await, system.order(&fulfilment()).await);
    let cancels = "&cancel_on_disconnect=true";
    drop((follow(&left, cancels).await, follow(&left, cancels).await));
    let stays = follow(&kept, "").await;
    drop(follow(&kept, cancels).await);
    drop(follow(&plain, "").await);
    assert_eq!(system.done(&left).await["status"], "cancelled");
    for receipt in [&kept, &plain] {
        assert_eq!(system.get(receipt).await.json()["status"], "pending");
    }
    drop(stays);
    system.add_worker();
    for receipt in [&kept, &plain] {
        assert_eq!(system.done(receipt).await["status"], "completed");
    }
}
