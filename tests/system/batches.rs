//! Many orders in one request: each as if it had been submitted by itself.

use std::collections::HashSet;

use futures_util::{StreamExt as _, future::join_all, stream};
use offload_local::{FaultPlan, Outage, Service};
use offload_service::settings::catalogue as c;
use offload_tests::{
    Receipt, Response, Setup, System, eventually,
    orders::{fulfilment, new_record, report, with_options},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn post(system: &System, api: usize, key: Option<&str>, orders: &[Value]) -> Response {
    let mut request = system.http.post(format!("{}/orders", system.apis[api])).json(orders);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    system.send(request).await
}

/// Of each order its receipt, or the status code and the slug of its problem.
fn results(response: &Response) -> Vec<Result<Receipt, (u64, String)>> {
    assert_eq!(response.status, 200, "{}", response.text);
    let body = response.json();
    let results: Vec<_> = body["orders"].as_array().unwrap().iter().map(result).collect();
    let accepted = results.iter().filter(|result| result.is_ok()).count();
    assert_eq!(body["accepted"], accepted);
    assert_eq!(body["refused"], results.len() - accepted);
    results
}

fn result(result: &Value) -> Result<Receipt, (u64, String)> {
    if let Some(receipt) = result.get("receipt") {
        let text = |name: &str| receipt[name].as_str().unwrap().to_owned();
        let (id, status_url, token) = (text("id"), text("status_url"), text("order_token"));
        return Ok(Receipt { id, status_url, token, body: receipt.clone() });
    }
    let problem = &result["problem"];
    let slug = problem["type"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    Err((problem["status"].as_u64().unwrap(), slug))
}

fn accepted(response: &Response) -> Vec<Receipt> {
    results(response).into_iter().map(|result| result.unwrap_or_else(|e| panic!("{e:?}"))).collect()
}

async fn all_done(system: &System, receipts: &[Receipt]) -> Vec<Value> {
    stream::iter(receipts).map(|receipt| system.done(receipt)).buffered(64).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_orders_take_the_fewest_calls_that_aws_allows() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let before = [Service::DynamoDb, Service::Sqs, Service::S3].map(|service| system.stack.requests(service));
    let orders: Vec<Value> = (1..=1_000).map(report).collect();
    let receipts = accepted(&post(&system, 0, None, &orders).await);
    let of = |n: usize, service, name: &str| system.stack.requests(service).since(&before[n]).of(name);
    assert_eq!(of(0, Service::DynamoDb, "TransactWriteItems"), 10);
    assert_eq!(of(0, Service::DynamoDb, "PutItem"), 1, "the group");
    assert_eq!(of(1, Service::Sqs, "SendMessageBatch"), 100);
    assert_eq!(of(1, Service::Sqs, "SendMessage"), 0);
    assert_eq!(of(2, Service::S3, "PutObject"), 1_001, "S3 has no batch; and the group's");
    for n in [0, 1, 500, 999] {
        let record = system.stores.orders.get(receipts[n].id.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(record.order.payload.as_str(), orders[n].to_string(), "results are in the order sent");
    }
    assert_eq!(receipts.iter().map(|receipt| &receipt.id).collect::<HashSet<_>>().len(), 1_000);
    let at = |n: usize| receipts[n].body["eta"]["at"].as_str().unwrap();
    assert!(at(999) > at(0), "the last one waits for the others");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_of_a_batch_has_its_own_result_and_good_ones_end() {
    let system = Setup::default().start().await;
    let large =
        json!({"kind": "fulfilment", "items": [{"sku": "A", "quantity": 1}], "customer_ref": "x".repeat(300_000)});
    let webhook = with_options(fulfilment(), json!({"webhook_url": "ftp://nowhere"}));
    let lines = [
        fulfilment().to_string(),
        "{\"kind\":".to_owned(),
        String::new(),
        json!({"kind": "other"}).to_string(),
        large.to_string(),
        r#"{"kind":"report","rows":1,"rows":1}"#.to_owned(),
        webhook.to_string(),
        report(3).to_string(),
    ];
    for content_type in ["application/x-ndjson", "application/jsonl"] {
        let request = system.request(Method::POST, "/orders").header("content-type", content_type);
        let response = system.send(request.body(lines.join("\n"))).await;
        assert_eq!(response.header("cache-control"), "no-store");
        let results = results(&response);
        let refused = |n: usize| results[n].clone().unwrap_err();
        assert_eq!(refused(1), (400, "invalid-json".to_owned()));
        assert!(response.json()["orders"][1]["problem"]["detail"].as_str().unwrap().contains("line 2 column"));
        for n in [2, 4, 5] {
            assert_eq!(refused(n), (422, "invalid-order".to_owned()), "{n}");
        }
        assert_eq!(refused(3), (413, "body-too-large".to_owned()));
        let good: Vec<_> = [0, 6].map(|n| results[n].clone().unwrap()).into();
        for done in all_done(&system, &good).await {
            assert_eq!(done["status"], "completed");
        }
        assert_eq!(system.get(&good[0]).await.json()["id"], good[0].id, "its token opens it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_batch_is_refused_without_a_call() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let before = [Service::DynamoDb, Service::Sqs, Service::S3].map(|service| system.stack.requests(service));
    let thousand_and_one = json!(vec![fulfilment(); 1_001]).to_string();
    for (content_type, body, status, slug) in [
        ("application/json", "[]", 422, "invalid-batch"),
        ("application/jsonl", "\n \n", 422, "invalid-batch"),
        ("application/json", "{}", 422, "invalid-batch"),
        ("application/json", &thousand_and_one, 422, "invalid-batch"),
        ("application/json", "[{}", 400, "invalid-json"),
        ("text/csv", "a,b", 415, "unsupported-media-type"),
    ] {
        let request = system.request(Method::POST, "/orders").header("content-type", content_type);
        let response = system.send(request.body(body.to_owned())).await;
        assert_eq!((response.status, response.problem().as_str()), (status, slug), "{body:.20}");
    }
    let bad = results(&post(&system, 0, Some("k"), &[json!({}), json!(7)]).await);
    assert!(bad.iter().all(|result| result.clone().unwrap_err() == (422, "invalid-order".to_owned())));
    for (service, before) in [Service::DynamoDb, Service::Sqs, Service::S3].into_iter().zip(&before) {
        let since = system.stack.requests(service).since(before);
        let writes = ["PutItem", "TransactWriteItems", "SendMessage", "SendMessageBatch", "PutObject"];
        assert!(writes.iter().all(|name| since.of(name) == 0), "{since:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gives_the_same_orders_on_any_server() {
    let system = Setup { apis: 2, ..Setup::default() }.start().await;
    let orders: Vec<Value> = (1..=30).map(report).collect();
    let responses = join_all((0..8).map(|n| post(&system, n % 2, Some("k"), &orders))).await;
    let first = accepted(&post(&system, 0, Some("k"), &orders).await);
    let ids: HashSet<_> = first.iter().map(|receipt| receipt.id.clone()).collect();
    for response in &responses {
        for (n, result) in results(response).into_iter().enumerate() {
            match result {
                Ok(receipt) => assert_eq!(receipt.id, first[n].id, "each has its own place"),
                Err((status, _)) => assert!([409, 503].contains(&status), "while another server writes them"),
            }
        }
    }
    for done in all_done(&system, &first).await {
        assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(1)), "{done}");
    }
    let other = accepted(&post(&system, 0, Some("k-2"), &orders).await);
    assert!(other.iter().all(|receipt| !ids.contains(&receipt.id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_other_orders_or_of_one_order_is_refused() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    accepted(&post(&system, 0, Some("k"), &[fulfilment(), report(3)]).await);
    for other in [vec![fulfilment()], vec![report(3), fulfilment()]] {
        let response = post(&system, 0, Some("k"), &other).await;
        assert_eq!((response.status, response.problem().as_str()), (422, "idempotency-key-reused"));
    }
    let single = async |key: &str| {
        let request = system.request(Method::POST, "/order").header("idempotency-key", key);
        system.send(request.json(&fulfilment())).await
    };
    assert_eq!(single("k").await.problem(), "idempotency-key-reused");
    assert_eq!(single("one").await.status, 202);
    assert_eq!(post(&system, 0, Some("one"), &[fulfilment()]).await.problem(), "idempotency-key-reused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_with_the_same_key_finishes_what_a_failure_left() {
    let plans =
        [("PutObject", Service::S3), ("SendMessageBatch", Service::Sqs), ("TransactWriteItems", Service::DynamoDb)];
    for (operation, service) in plans {
        let system = Setup::default().start().await;
        let only = Some(vec![operation.to_owned()]);
        let outage = Some(Outage::Unavailable);
        system.stack.faults(service).set(FaultPlan { outage, only, ..FaultPlan::default() });
        let orders: Vec<Value> = (1..=12).map(report).collect();
        let failed = post(&system, 0, Some("k"), &orders).await;
        match service {
            // The object of the group comes first.
            Service::S3 => assert_eq!((failed.status, failed.problem().as_str()), (503, "storage-unavailable")),
            _ => {
                for result in results(&failed) {
                    assert_eq!(result.unwrap_err(), (503, "storage-unavailable".to_owned()), "{operation}");
                }
            }
        }
        system.stack.faults(service).clear();
        let receipts = accepted(&post(&system, 0, Some("k"), &orders).await);
        for done in all_done(&system, &receipts).await {
            assert_eq!((done["status"].as_str(), done["attempt"].as_u64()), (Some("completed"), Some(1)), "{done}");
        }
    }
}

/// Whether an order was ever accepted: what was taken back has no row.
async fn has_row(system: &System, id: &str) -> bool {
    system.stores.orders.get(id.parse().unwrap()).await.unwrap().is_some()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_a_batch_that_sqs_refuses_refuses_its_own_order_only() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let only = Some(vec!["SendMessageBatch".to_owned()]);
    let plan = FaultPlan { entry_error_rate: 0.5, only, seed: 3, ..FaultPlan::default() };
    system.stack.faults(Service::Sqs).set(plan);
    let orders: Vec<Value> = (1..=100).map(report).collect();
    let results = results(&post(&system, 0, None, &orders).await);
    let good = results.iter().filter(|result| result.is_ok()).count();
    // Each is sent twice.
    assert!((50..100).contains(&good), "{good} of 100");
    assert!(results.iter().all(|r| r.as_ref().err().is_none_or(|e| *e == (503, "storage-unavailable".to_owned()))));
    let depth = system.stores.queue.depth().await.unwrap();
    assert_eq!(depth.visible, good as u64, "and none is sent twice");
    for receipt in results.into_iter().flatten() {
        assert!(has_row(&system, &receipt.id).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_were_taken_back_are_never_worked_on() {
    let system = Setup { workers: 2, ..Setup::default() }.with(c::SWEEP_AFTER_SECONDS, 0).start().await;
    for (service, operation) in [(Service::DynamoDb, "TransactWriteItems"), (Service::S3, "PutObject")] {
        let only = Some(vec![operation.to_owned()]);
        let plan = FaultPlan { error_rate: 0.5, late_error_rate: 0.5, only, seed: 5, ..FaultPlan::default() };
        system.stack.faults(service).set(plan);
        let orders: Vec<Value> = (1..=300).map(report).collect();
        let mut response = post(&system, 0, None, &orders).await;
        while response.status == 503 {
            // Nothing was done for a batch whose group could not be written.
            response = post(&system, 0, None, &orders).await;
        }
        system.stack.faults(service).clear();
        let results = results(&response);
        let good: Vec<_> = results.iter().filter_map(|result| result.clone().ok()).collect();
        assert!(good.len() < 300, "{operation} failed for none");
        for problem in response.json()["orders"].as_array().unwrap().iter().filter_map(|r| r.get("problem")) {
            assert!(problem["detail"].as_str().unwrap().contains("taken back"), "{problem}");
        }
        for done in all_done(&system, &good).await {
            assert_eq!(done["status"], "completed", "{operation}");
        }
    }
    eventually("the queue is empty", async || {
        let depth = system.stores.queue.depth().await.ok()?;
        (depth.visible + depth.in_flight + depth.delayed == 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweeper_enqueues_the_batch_of_an_api_that_died() {
    let system = Setup { workers: 2, ..Setup::default() }.with(c::SWEEP_AFTER_SECONDS, 0).start().await;
    let records: Vec<_> = (0..120).map(|_| new_record()).collect();
    let inserted = system.stores.orders.insert_all(&records.iter().collect::<Vec<_>>()).await;
    assert!(inserted.iter().all(Result::is_ok));
    for record in &records {
        eventually("the order has ended", async || {
            let found = system.stores.orders.get(record.order.id).await.unwrap().unwrap();
            (found.state.status.is_final() && found.due_at.is_none()).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_order_of_a_batch_is_the_text_that_was_sent() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let items: Vec<Value> =
        (0..100).map(|n| json!({"sku": format!("{n}-{}", "x".repeat(40)), "quantity": 1})).collect();
    let orders = [json!({"kind": "fulfilment", "items": items}), fulfilment()];
    let before = system.stack.requests(Service::DynamoDb);
    let receipts = accepted(&post(&system, 0, None, &orders).await);
    let since = system.stack.requests(Service::DynamoDb).since(&before);
    assert_eq!(
        (since.of("PutItem"), since.of("TransactWriteItems")),
        (3, 0),
        "a transaction would cost twice; and the group's"
    );
    for (receipt, order) in receipts.iter().zip(&orders) {
        let record = system.stores.orders.get(receipt.id.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(record.order.payload.as_str(), order.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_order_of_a_batch_counts_against_the_rate_of_its_client() {
    let system = Setup { workers: 0, ..Setup::default() }.with(c::MAX_REQUESTS_PER_SECOND, 10).start().await;
    let orders = |n: usize| vec![fulfilment(); n];
    assert_eq!(accepted(&post(&system, 0, None, &orders(15)).await).len(), 15);
    let response = post(&system, 0, None, &orders(15)).await;
    assert_eq!((response.status, response.problem().as_str()), (429, "too-many-requests"));
    let never = post(&system, 0, None, &orders(21)).await;
    assert_eq!(never.status, 429, "more than may ever come at once");
}
