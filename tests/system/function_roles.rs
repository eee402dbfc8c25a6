//! Functions do what their roles on AWS allow: the rare cases, for which a role has permissions
//! that the other tests of functions do not need.

use std::time::Duration;

use axum::{Router, http::StatusCode, routing::post};
use chrono::TimeDelta;
use offload_domain::{
    history::{History, StartedTenants, WorkerReport},
    id::OrderId,
    order::OrderResult,
    problem::ends,
    transition::Transition,
};
use offload_service::{clock, settings::catalogue as c};
use offload_tests::{
    EventStream, Function, RawQueue, Receipt, Role, Setup, System, eventually, http_api_request,
    orders::{fulfilment, new_record, report, with_options},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// A webhook whose events stay in their queue.
const NOBODY: &str = "http://127.0.0.1:9/hook";

const TIME: Duration = Duration::from_secs(30);

async fn system() -> System {
    Setup { workers: 0, ..Setup::default() }.start().await
}

/// A subscription that lasts as long as the stream is kept.
async fn subscribe(system: &System, receipt: &Receipt) -> EventStream {
    let path = format!("/order/{}/events", receipt.id);
    let mut stream =
        EventStream::of(system.request(Method::GET, &path).bearer_auth(&receipt.token).send().await.unwrap());
    assert_eq!(stream.next().await.unwrap().data["status"], "pending");
    stream
}

/// Invokes a function with the next messages of its queue.
async fn invoke_with(function: &mut Function, queue: &RawQueue) -> Value {
    let event = eventually("a message", async || {
        let event = queue.receive_event(10).await.ok()?;
        (!event["Records"].as_array()?.is_empty()).then_some(event)
    })
    .await;
    function.invoke(event, TIME).await.response()
}

async fn notifications(system: &System) -> usize {
    let queue = &system.stores.notifications.as_ref().unwrap().queue;
    usize::try_from(queue.depth().await.unwrap().visible).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_function_publishes_a_large_result_to_subscribers() {
    let system = system().await;
    let receipt = system.order(&with_options(report(10_000), json!({"webhook_url": NOBODY}))).await;
    let _stream = subscribe(&system, &receipt).await;
    // A worker that is gone left a report, which this one takes over.
    let reported_at = clock::now() - TimeDelta::hours(1);
    let gone = WorkerReport {
        worker: "worker-0".to_owned(),
        concurrency: 1,
        finished_3s: 0,
        tenants: StartedTenants::default(),
        figures: None,
        history: History::default(),
        reported_at,
    };
    system.stores.orders.publish_report(&gone).await.unwrap();
    let queue = RawQueue::orders(&system);
    let mut event = queue.receive_event(10).await.unwrap();
    // Another ETag than that of the status object: the worker has to read the object.
    let body: &mut Value = &mut event["Records"][0]["body"];
    let mut envelope: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
    envelope["etag"] = json!("\"0\"");
    *body = json!(envelope.to_string());

    let mut worker = Function::start(Role::Worker, &system, &[]).await;
    assert_eq!(worker.invoke(event, TIME).await.response()["batchItemFailures"], json!([]));
    let object = system.poll(&receipt).await.json();
    assert_eq!(object["status"], "completed", "{object}");
    let result = system.http.get(object["result_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(result.status(), StatusCode::OK);
    let reports = system.stores.orders.worker_reports().await.unwrap();
    assert!(reports.iter().all(|report| report.worker != gone.worker), "{reports:?}");
    assert!(notifications(&system).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_function_sends_a_message_that_is_not_due_again() {
    let system = system().await;
    system.order(&with_options(fulfilment(), json!({"delay_seconds": 2000}))).await;
    system.stack.advance_clock(Duration::from_secs(901)).await;
    let mut worker = Function::start(Role::Worker, &system, &[]).await;
    let response = invoke_with(&mut worker, &RawQueue::orders(&system)).await;
    assert_eq!(response["batchItemFailures"], json!([]));
    assert_eq!(system.stack.requests(offload_local::Service::Sqs).of("SendMessage"), 2, "the api's and the worker's");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sweeper_function_sends_what_was_not_and_ends_what_is_late() {
    let system = system().await;
    let unsent = new_record();
    system.stores.orders.insert(&unsent, None).await.unwrap();
    system.stores.objects.create(&unsent.status_object(None)).await.unwrap();
    let late = system.order(&with_options(fulfilment(), json!({"deadline_seconds": 1, "webhook_url": NOBODY}))).await;
    let _stream = subscribe(&system, &late).await;
    let mut sweeper = Function::start(Role::Sweeper, &system, &[("OFFLOAD_SWEEP_AFTER_SECONDS", "0")]).await;
    let (mut sent, mut ended) = (0, 0);
    eventually("the sweeper finds both", async || {
        let swept = sweeper.invoke(json!({"offload": "sweep"}), TIME).await.response();
        assert_eq!(swept["failed"], 0, "{swept}");
        sent += swept["sent"].as_u64()?;
        ended += swept["ended"].as_u64()?;
        (sent >= 1 && ended == 1).then_some(())
    })
    .await;
    assert_eq!(system.poll(&late).await.json()["status"], "failed");
    assert!(notifications(&system).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_function_of_dead_letters_publishes_to_subscribers() {
    let system = system().await;
    let dead = RawQueue::dead_letters(&system);
    let letter = |id: &str| json!({"v": 1, "id": id, "key": "status/x", "etag": null}).to_string();
    let receipt = system.order(&with_options(fulfilment(), json!({"webhook_url": NOBODY}))).await;
    let _stream = subscribe(&system, &receipt).await;
    dead.send(&letter(&receipt.id)).await.unwrap();
    // An order that has ended with a large result, which nobody published.
    let mut ended = new_record();
    system.stores.orders.insert(&ended, None).await.unwrap();
    system.stores.objects.create(&ended.status_object(None)).await.unwrap();
    let result = Some(OrderResult::Key(format!("results/00/{}/report.csv", ended.order.id)));
    for transition in [Transition::Start { eta: None, poll_after_ms: None }, Transition::Complete { result }] {
        let state = ended.state.apply(transition, clock::now()).unwrap();
        ended = system.stores.orders.store(ended.order.id, &state, None).await.unwrap();
    }
    dead.send(&letter(&ended.order.id.to_string())).await.unwrap();

    let mut function = Function::start(Role::DeadLetters, &system, &[]).await;
    let published = async |id: OrderId| {
        let url = system.stores.presigner.get(&id.status_key(), Duration::from_secs(60), clock::now()).await.unwrap().0;
        system.http.get(url).send().await.unwrap().json::<Value>().await.unwrap()
    };
    eventually("both are published", async || {
        let response = invoke_with(&mut function, &dead).await;
        assert_eq!(response["batchItemFailures"], json!([]));
        let (failed, completed) = (published(receipt.id.parse().ok()?).await, published(ended.order.id).await);
        (failed["status"] == "failed" && completed["result_url"].is_string()).then_some(())
    })
    .await;
    assert!(notifications(&system).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_notifier_function_keeps_what_it_could_not_deliver() {
    let system = system().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(async || StatusCode::INTERNAL_SERVER_ERROR));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let receipt = system.order(&with_options(fulfilment(), json!({"webhook_url": url}))).await;
    system.cancel(&receipt).await;
    let settings = [(c::WEBHOOK_RETRY_SECONDS.variable(), "0.1".to_owned())];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let mut notifier = Function::start(Role::Notifier, &system, &settings).await;
    let [webhooks, retries] = RawQueue::webhooks(&system);
    let dead = system.stores.notifications.as_ref().unwrap().dead_letters.clone().unwrap();
    assert_eq!(invoke_with(&mut notifier, &webhooks).await["batchItemFailures"], json!([]));
    eventually("the event is a dead letter", async || {
        assert_eq!(invoke_with(&mut notifier, &retries).await["batchItemFailures"], json!([]));
        (dead.depth().await.ok()?.visible == 1).then_some(())
    })
    .await;
    let order = system.get(&receipt).await.json();
    assert_eq!(order["deliveries"][0]["attempts"].as_array().unwrap().len(), 2, "{order}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_function_lists_orders() {
    let system = system().await;
    let mut labelled = new_record();
    labelled.order.labels = [("customer", "acme")].into_iter().collect();
    for record in [&labelled, &new_record()] {
        system.stores.orders.insert(record, None).await.unwrap();
    }
    let settings = [("OFFLOAD_PUBLIC_URL", "https://api.example.com"), ("OFFLOAD_AUTH", "gateway")];
    let mut api = Function::start(Role::Api, &system, &settings).await;
    let mut list = http_api_request("GET", "/admin/orders", &json!({}), None);
    list["rawQueryString"] = json!("label=customer%3Aacme");
    list["requestContext"]["authorizer"] =
        json!({"jwt": {"claims": {"sub": "jane", "roles": "admin"}, "scopes": null}});
    eventually("the index has it", async || {
        let response = api.invoke(list.clone(), TIME).await.response();
        assert_eq!(response["statusCode"], 200, "{response}");
        let page: Value = serde_json::from_str(response["body"].as_str()?).ok()?;
        let ids: Vec<_> = page["orders"].as_array()?.iter().filter_map(|order| order["id"].as_str()).collect();
        (ids == [labelled.order.id.to_string()]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_function_serves_operators() {
    let system = system().await;
    let (waiting, mut dead) = (system.order(&fulfilment()).await, new_record());
    system.stores.orders.insert(&dead, None).await.unwrap();
    system.stores.objects.create(&dead.status_object(None)).await.unwrap();
    let start = Transition::Start { eta: None, poll_after_ms: None };
    for transition in [start, Transition::Fail { error: ends::dead_lettered(1, None) }] {
        let state = dead.state.apply(transition, clock::now()).unwrap();
        dead = system.stores.orders.store(dead.order.id, &state, None).await.unwrap();
    }
    let settings = [("OFFLOAD_PUBLIC_URL", "https://api.example.com"), ("OFFLOAD_AUTH", "gateway")];
    let mut api = Function::start(Role::Api, &system, &settings).await;
    let mut ask = async |roles: &str, method: &str, path: &str, body: Option<Value>| {
        let (headers, body) = (json!({"content-type": "application/json"}), body.map(|body| body.to_string()));
        let mut request = http_api_request(method, path, &headers, body.as_deref());
        let claims = json!({"sub": "jane", "roles": roles});
        request["requestContext"]["authorizer"] = json!({"jwt": {"claims": claims, "scopes": null}});
        let response = api.invoke(request, TIME).await.response();
        let body: Value = serde_json::from_str(response["body"].as_str().unwrap()).unwrap();
        (response["statusCode"].as_u64().unwrap(), body)
    };
    let (id, path) = (dead.order.id, format!("/admin/orders/{}", dead.order.id));
    let (status, order) = ask("view", "GET", &path, None).await;
    assert_eq!((status, &order["status"], &order["id"]), (200, &json!("failed"), &json!(id)), "{order}");
    for figures in ["/admin/counts", "/admin/workers", "/admin/deliveries", "/admin/actions"] {
        let (status, body) = ask("admin", "GET", figures, None).await;
        assert_eq!(status, 200, "{figures}: {body}");
        let (status, body) = ask("submit", "GET", figures, None).await;
        assert_eq!((status, body["status"].as_u64()), (403, Some(403)), "{figures}: {body}");
    }
    let redrive = |dry_run| Some(json!({"verb": "redrive", "filter": format!("id:{id}"), "dry_run": dry_run}));
    let (status, preview) = ask("operate", "POST", "/admin/actions", redrive(true)).await;
    assert_eq!((status, &preview["count"]), (200, &json!(1)), "{preview}");
    let (status, refused) = ask("operate", "POST", "/admin/actions", redrive(false)).await;
    assert_eq!((status, refused["detail"].as_str().unwrap().contains("offload actions start")), (501, true));
    assert!(refused["type"].as_str().unwrap().ends_with("/no-actions"), "{refused}");
    let no_action = "/admin/actions/0198c1f0-0000-7000-8000-000000000000";
    for method in ["GET", "DELETE"] {
        assert_eq!(ask("operate", method, no_action, None).await.0, 404);
    }

    assert_eq!(ask("view", "POST", &format!("{path}/redrive"), None).await.0, 403);
    let (status, redriven) = ask("operate", "POST", &format!("{path}/redrive"), None).await;
    assert_eq!((status, &redriven["generation"]), (202, &json!(2)), "{redriven}");
    assert_eq!(system.stores.queue.depth().await.unwrap().visible, 2, "it is sent again before the answer");
    let (status, refused) = ask("operate", "POST", &format!("{path}/purge"), None).await;
    assert_eq!(status, 409, "it is pending: {refused}");
    let (status, cancelled) = ask("operate", "POST", &format!("/admin/orders/{}/cancel", waiting.id), None).await;
    assert_eq!((status, &cancelled["status"]), (202, &json!("cancelled")), "{cancelled}");
    assert_eq!(system.poll(&waiting).await.json()["status"], "cancelled");
}
