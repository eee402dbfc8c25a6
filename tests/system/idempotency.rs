//! The same key gives the same order.

use std::collections::HashSet;

use futures_util::future::join_all;
use offload_local::{FaultPlan, Outage, Service};
use offload_tests::{
    Receipt, Response, Setup, System,
    orders::{fulfilment, report},
};
use reqwest::Method;
use serde_json::Value;

async fn post(system: &System, api: usize, key: &str, body: &Value) -> Response {
    let request = system.http.post(format!("{}/order", system.apis[api])).header("idempotency-key", key).json(body);
    system.send(request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gives_the_same_order() {
    let system = Setup::default().start().await;
    let first = Receipt::of(&post(&system, 0, "k-1", &fulfilment()).await);
    let again = Receipt::of(&post(&system, 0, "\"k-1\"", &fulfilment()).await);
    assert_eq!((&first.id, &first.token), (&again.id, &again.token));
    system.done(&first).await;
    let after_the_end = Receipt::of(&post(&system, 0, "k-1", &fulfilment()).await);
    assert_eq!(after_the_end.id, first.id);
    assert_eq!(system.done(&after_the_end).await["attempt"], 1, "and the work is not done again");
    let other = Receipt::of(&post(&system, 0, "k-2", &fulfilment()).await);
    assert_ne!(other.id, first.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_order_of_members_and_white_space_do_not_matter() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let post = |body: &'static str| {
        let request = system.request(Method::POST, "/order").header("idempotency-key", "k");
        system.send(request.header("content-type", "application/json").body(body))
    };
    let a = Receipt::of(&post(r#"{"kind":"report","rows":3}"#).await);
    let b = Receipt::of(&post(r#"{ "rows": 3, "kind": "report" }"#).await);
    assert_eq!(a.id, b.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_used_for_another_order_is_refused_without_a_write() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    post(&system, 0, "k", &fulfilment()).await;
    let before = [Service::S3, Service::Sqs].map(|s| system.stack.requests(s));
    let dynamodb = system.stack.requests(Service::DynamoDb);
    let response = post(&system, 0, "k", &report(3)).await;
    assert_eq!((response.status, response.problem().as_str()), (422, "idempotency-key-reused"));
    assert_eq!([Service::S3, Service::Sqs].map(|s| system.stack.requests(s)), before);
    let since = system.stack.requests(Service::DynamoDb).since(&dynamodb);
    assert_eq!((since.of("GetItem"), since.of("TransactWriteItems"), since.of("PutItem")), (1, 0, 0), "{since:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_posts_to_two_servers_at_once_give_one_order() {
    let system = Setup { apis: 2, ..Setup::default() }.start().await;
    let body = fulfilment();
    let responses = join_all((0..200).map(|n| post(&system, n % 2, "same", &body))).await;
    let receipts: Vec<_> = responses.iter().map(Receipt::of).collect();
    let ids: HashSet<_> = receipts.iter().map(|r| r.id.clone()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    let done = system.done(&receipts[0]).await;
    assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_with_the_same_key_finishes_what_a_failure_left() {
    for service in [Service::S3, Service::Sqs, Service::DynamoDb] {
        let system = Setup::default().start().await;
        system.stack.faults(service).set(FaultPlan { outage: Some(Outage::Unavailable), ..FaultPlan::default() });
        let failed = post(&system, 0, "k", &fulfilment()).await;
        assert_eq!((failed.status, failed.problem().as_str()), (503, "storage-unavailable"), "{service}");
        assert!(failed.header("retry-after").parse::<u32>().unwrap() > 0);
        system.stack.faults(service).clear();
        let receipt = Receipt::of(&post(&system, 0, "k", &fulfilment()).await);
        assert_eq!(system.done(&receipt).await["status"], "completed", "{service}");
    }
}
