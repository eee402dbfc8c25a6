//! The orders of a batch as one group: its counts, its URL and its end.

use futures_util::{StreamExt as _, stream};
use offload_domain::{id::OrderId, status::Status};
use offload_local::{FaultPlan, Outage, Service};
use offload_service::settings::catalogue as c;
use offload_stores::Counted;
use offload_tests::{
    Poller, Receipt, Response, Setup, System, eventually,
    orders::{fulfilment, report, with_options},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn post(system: &System, key: Option<&str>, orders: &[Value]) -> Response {
    let mut request = system.request(Method::POST, "/orders").json(orders);
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let response = system.send(request).await;
    assert_eq!(response.status, 200, "{}", response.text);
    response
}

/// The group of a batch, as a receipt.
fn group(response: &Response) -> Receipt {
    let body = response.json()["group"].clone();
    let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{name} in {body}")).to_owned();
    Receipt { id: text("id"), status_url: text("status_url"), token: text("order_token"), body }
}

fn receipts(response: &Response) -> Vec<Receipt> {
    let of = |receipt: &Value| {
        let text = |name: &str| receipt[name].as_str().unwrap().to_owned();
        let (id, status_url, token) = (text("id"), text("status_url"), text("order_token"));
        Receipt { id, status_url, token, body: receipt.clone() }
    };
    response.json()["orders"].as_array().unwrap().iter().filter_map(|result| result.get("receipt").map(of)).collect()
}

fn counts(object: &Value) -> [u64; 5] {
    ["total", "completed", "failed", "cancelled", "open"].map(|name| object["counts"][name].as_u64().unwrap())
}

async fn get(system: &System, group: &Receipt, token: &str) -> Response {
    system.send(system.request(Method::GET, &format!("/group/{}", group.id)).bearer_auth(token)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn one_url_has_the_state_of_all_orders_of_a_batch() {
    let system = Setup::default().start().await;
    let orders: Vec<Value> = (1..=60).map(report).chain([json!({})]).collect();
    let group = group(&post(&system, None, &orders).await);
    assert_eq!(group.body["status"], "pending");
    assert!(group.body["eta"]["seconds"].is_number() && group.body["poll_after_ms"].is_u64(), "as of an order");

    // The client of an order polls it, and sees it go forward.
    let done = Poller::default().until_done(&system.http, &group.status_url).await;
    assert_eq!((done["status"].as_str(), counts(&done)), (Some("completed"), [60, 60, 0, 0, 0]));
    assert_eq!(done["id"], group.id.as_str());

    let view = get(&system, &group, &group.token).await;
    assert_eq!((view.status, counts(&view.json())), (200, [60, 60, 0, 0, 0]));
    let fresh = view.json()["status_url"].as_str().unwrap().to_owned();
    assert_eq!(system.send(system.http.get(fresh)).await.json()["counts"], done["counts"]);
    let read = group.body["read_token"].as_str().unwrap();
    assert_eq!(get(&system, &group, read).await.status, 200);
    let order = system.order(&fulfilment()).await;
    assert_eq!(get(&system, &group, &order.token).await.problem(), "token-invalid");
    assert_eq!(get(&system, &order, &order.token).await.problem(), "order-not-found", "an order is no group");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_way_to_end_is_counted() {
    let mut system = Setup { workers: 0, ..Setup::default() }.start().await;
    let mut orders = vec![fulfilment(); 4];
    orders.push(with_options(fulfilment(), json!({"delay_seconds": 900})));
    let response = post(&system, None, &orders).await;
    let (group, all) = (group(&response), receipts(&response));
    assert_eq!(system.cancel(&all[4]).await.status, 202);
    eventually("the cancelled order is counted", async || {
        let object = system.poll(&group).await.json();
        (counts(&object) == [5, 0, 0, 1, 4] && object["status"] == "processing").then_some(())
    })
    .await;
    system.add_worker();
    let done = system.done(&group).await;
    assert_eq!(counts(&done), [5, 4, 0, 1, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_counts_once_however_often_it_is_counted() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let response = post(&system, None, &[fulfilment(), fulfilment()]).await;
    let group = group(&response);
    let id: OrderId = receipts(&response)[0].id.parse().unwrap();
    let place = system.stores.orders.get(id).await.unwrap().unwrap().order.group.unwrap();
    assert_eq!(place.group.to_string(), group.id);
    let count = async |end| system.stores.orders.count_end(place, end).await.unwrap();
    assert!(matches!(count(Status::Failed).await, Counted::Now(g) if g.failed == 1));
    for again in [Status::Failed, Status::Completed] {
        assert!(matches!(count(again).await, Counted::Before(g) if (g.failed, g.completed) == (1, 0)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_ends_although_its_object_could_not_be_written() {
    let system = Setup { workers: 2, ..Setup::default() }.with(c::SWEEP_AFTER_SECONDS, 0).start().await;
    let response = post(&system, None, &vec![with_options(fulfilment(), json!({"delay_seconds": 1})); 10]).await;
    let group = group(&response);
    let path = format!("{}.json", group.id);
    let plan = FaultPlan { outage: Some(Outage::Unavailable), only_path: Some(path), ..FaultPlan::default() };
    system.stack.faults(Service::S3).set(plan);
    for order in receipts(&response) {
        assert_eq!(system.done(&order).await["status"], "completed", "an order does not wait for its group");
    }
    system.stack.faults(Service::S3).clear();
    assert_eq!(counts(&system.done(&group).await), [10, 10, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_were_taken_back_are_none_of_the_group() {
    let system = Setup::default().start().await;
    let only = Some(vec!["SendMessageBatch".to_owned()]);
    let plan = FaultPlan { entry_error_rate: 0.7, only, seed: 3, ..FaultPlan::default() };
    system.stack.faults(Service::Sqs).set(plan);
    let response = post(&system, None, &(1..=60).map(report).collect::<Vec<_>>()).await;
    system.stack.faults(Service::Sqs).clear();
    let good = receipts(&response).len() as u64;
    assert!((1..60).contains(&good), "{good} of 60");
    let done = system.done(&group(&response)).await;
    assert_eq!(counts(&done), [good, good, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_gives_the_same_group_and_finishes_it() {
    let system = Setup::default().start().await;
    let only = Some(vec!["SendMessageBatch".to_owned()]);
    let plan = FaultPlan { entry_error_rate: 0.7, only, seed: 3, ..FaultPlan::default() };
    system.stack.faults(Service::Sqs).set(plan);
    let orders: Vec<Value> = (1..=60).map(report).collect();
    let first = post(&system, Some("k"), &orders).await;
    assert!(receipts(&first).len() < 60);
    system.stack.faults(Service::Sqs).clear();
    let again = post(&system, Some("k"), &orders).await;
    assert_eq!(receipts(&again).len(), 60);
    assert_eq!(group(&again).id, group(&first).id);
    assert_eq!(counts(&system.done(&group(&again)).await), [60, 60, 0, 0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_costs_each_order_one_write_and_few_objects() {
    let system = Setup::default().with(c::CONCURRENCY, 50).start().await;
    let before = [Service::S3, Service::DynamoDb].map(|service| system.stack.requests(service));
    let response = post(&system, None, &vec![fulfilment(); 200]).await;
    system.done(&group(&response)).await;
    stream::iter(receipts(&response)).for_each_concurrent(32, async |order| drop(system.done(&order).await)).await;
    let [s3, dynamodb] =
        [(Service::S3, 0), (Service::DynamoDb, 1)].map(|(service, n)| system.stack.requests(service).since(&before[n]));
    // Two for each order, and 21 of the group; a busy machine has some tried again.
    assert!((401..=430).contains(&s3.with_status("PutObject", 200)), "{s3:?}");
    // A claim, an end, a count and what takes it out of the index.
    assert!(dynamodb.of("UpdateItem") <= 4 * 200 + 40, "{dynamodb:?}");
}
