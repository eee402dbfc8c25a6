//! From POST to the end of an order, and many at once.

use std::{collections::HashSet, sync::Arc};

use futures_util::{StreamExt, stream};
use offload_service::settings::catalogue as c;
use offload_tests::{Poller, Receipt, Response, Setup, orders::fulfilment};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_accepted_at_once_and_ends_completed() {
    let system = Setup::default().start().await;
    let response = system.post(&fulfilment()).await;
    let receipt = Receipt::of(&response);
    let body = &receipt.body;
    assert_eq!(response.header("location"), format!("/order/{}", receipt.id));
    let eta = body["eta"]["seconds"].as_f64().unwrap();
    assert_eq!(response.header("retry-after"), format!("{}", eta.ceil().max(1.0)));
    assert_eq!(response.header("cache-control"), "no-store");
    assert_eq!(body["status"], "pending");
    assert_eq!(body["eta"]["basis"], "configured");
    assert!(body["eta"]["p10_seconds"].as_f64() <= body["eta"]["p90_seconds"].as_f64());
    assert!(body["eta"]["queue_depth"].is_u64() && body["eta"]["at"].is_string() && body["poll_after_ms"].is_u64());
    assert!(body["links"]["self"].as_str().unwrap().ends_with(&format!("/order/{}", receipt.id)));
    assert!(body["status_url_expires_at"].is_string());

    let done = system.done(&receipt).await;
    assert_eq!(done["status"], "completed");
    assert_eq!(done["id"], receipt.id.as_str());
    assert_eq!(done["attempt"], 1);
    assert!(done["result"]["tracking"].is_string(), "{done}");
    assert!(done["finished_at"].is_string() && done["eta"].is_null() && done["error"].is_null());
    assert_eq!(done["renew"], body["links"]["self"]);
    assert!(!done.to_string().contains("A-1"), "nothing of the payload is in the status object");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_url_revalidates_and_opens_this_object_only() {
    let system = Setup::default().start().await;
    let receipt = system.order(&fulfilment()).await;
    system.done(&receipt).await;
    let first = system.poll(&receipt).await;
    assert_eq!(first.header("content-type"), "application/json");
    assert_eq!(first.header("cache-control"), "no-cache");
    let etag = first.header("etag").to_owned();
    let again = system.send(system.http.get(&receipt.status_url).header("if-none-match", &etag)).await;
    assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", etag.as_str()));

    let bare = receipt.status_url.split('?').next().unwrap();
    assert_eq!(system.send(system.http.get(bare)).await.status, 403, "not without a signature");
    let other = system.order(&fulfilment()).await;
    let moved = receipt.status_url.replace(&receipt.id, &other.id);
    assert_eq!(system.send(system.http.get(moved)).await.status, 403, "not for another order");
    assert_eq!(system.send(system.http.head(&receipt.status_url)).await.status, 403, "not with another method");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_serves_an_order_and_renews_its_url() {
    let system = Setup::default().start().await;
    let receipt = system.order(&fulfilment()).await;
    let done = system.done(&receipt).await;
    let response = system.get(&receipt).await;
    assert_eq!((response.status, response.header("cache-control")), (200, "no-store"));
    let order = response.json();
    for member in
        ["id", "status", "done", "revision", "attempt", "created_at", "finished_at", "result", "error", "renew"]
    {
        assert_eq!(order[member], done[member], "{member}");
    }
    let fresh = system.send(system.http.get(order["status_url"].as_str().unwrap())).await;
    assert_eq!(fresh.json(), done);
    // A browser API that cannot set headers puts the token into the URL.
    let path = format!("/order/{}?token={}", receipt.id, receipt.token);
    assert_eq!(system.send(system.request(Method::GET, &path)).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_poll_returns_when_the_order_ends() {
    let system = Setup::default().with(c::JOB_SECONDS, 0.3).start().await;
    let post = system.request(Method::POST, "/order").header("prefer", "wait=20").json(&fulfilment());
    let response = system.send(post).await;
    assert_eq!((response.status, response.header("preference-applied")), (200, "wait=20"));
    assert_eq!(response.json()["status"], "completed");

    let slow = Setup::default().with(c::JOB_SECONDS, 30).start().await;
    let receipt = slow.order(&fulfilment()).await;
    let get = slow.request(Method::GET, &format!("/order/{}", receipt.id)).bearer_auth(&receipt.token);
    let response = slow.send(get.header("prefer", "respond-async, wait=1")).await;
    assert_eq!((response.status, response.header("preference-applied")), (200, "wait=1"));
    assert_eq!(response.json()["done"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_orders_complete_and_none_goes_back() {
    let setup = Setup { workers: 2, ..Setup::default() };
    let system = Arc::new(setup.with(c::CONCURRENCY, 32).with(c::JOB_SECONDS, "exp:0.05").start().await);
    let results: Vec<(String, Value, usize)> = stream::iter(0..1_000)
        .map(|n| {
            let system = Arc::clone(&system);
            async move {
                let order = json!({"kind": "fulfilment", "items": [{"sku": format!("S-{n}"), "quantity": 1}]});
                let receipt = system.order(&order).await;
                let mut poller = Poller::default();
                let done = poller.until_done(&system.http, &receipt.status_url).await;
                (receipt.id, done, poller.changes)
            }
        })
        .buffer_unordered(32)
        .collect()
        .await;
    let ids: HashSet<_> = results.iter().map(|(id, _, _)| id.as_str()).collect();
    assert_eq!(ids.len(), 1_000);
    for (id, done, _) in &results {
        assert_eq!((done["status"].as_str(), done["id"].as_str()), (Some("completed"), Some(id.as_str())), "{done}");
        assert_eq!(done["attempt"], 1, "each is processed once: {done}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_describes_itself() {
    let system = Setup::default().start().await;
    let get = |path: &'static str| system.send(system.request(Method::GET, path));
    assert_eq!(get("/healthz").await.status, 200);
    let ready = get("/readyz").await;
    let all = json!({"s3": "ok", "sqs": "ok", "dynamodb": "ok", "clock_offset_seconds": 0.0});
    assert_eq!((ready.status, ready.json()), (200, all));
    let openapi = get("/openapi.json").await.json();
    assert!(openapi["openapi"].as_str().unwrap().starts_with("3.1"));
    for (path, method) in [("/order", "post"), ("/order/{id}", "get"), ("/order/{id}", "delete")] {
        assert!(openapi["paths"][path][method].is_object(), "{method} {path}");
    }
    let docs: Response = get("/docs").await;
    assert!(docs.header("content-type").starts_with("text/html") && docs.text.contains("openapi.json"));
    system.order(&fulfilment()).await;
    let metrics = get("/metrics").await;
    assert!(metrics.text.contains("orders_accepted_total 1"), "{}", metrics.text);
}
