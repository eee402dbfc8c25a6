//! Labels: where they are, where they are not, and what is found by them.

use std::collections::BTreeSet;

use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use offload_service::settings::catalogue as c;
use offload_tests::{
    EventStream, Process, Receipt, Response, Setup, Socket, System, eventually,
    orders::{fulfilment, with_options},
    program,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};

#[expect(clippy::needless_pass_by_value, reason = "callers write literals")]
fn labelled(labels: Value) -> Value {
    with_options(fulfilment(), json!({"labels": labels}))
}

/// A receiver of webhooks, and what it gets.
async fn receiver() -> (String, mpsc::UnboundedReceiver<Value>) {
    let (got, events) = mpsc::unbounded_channel();
    let take = async move |body: Bytes| {
        got.send(serde_json::from_slice(&body).unwrap()).unwrap();
        StatusCode::NO_CONTENT
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(take))).await });
    (url, events)
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_are_in_answers_and_events_and_not_in_the_status_object() {
    let system = Setup::default().with(c::JOB_SECONDS, 0.3).start().await;
    let labels = json!({"customer": "acme", "note": "Z\u{fc}rich, CH"});
    let (url, mut webhooks) = receiver().await;
    let order = with_options(fulfilment(), json!({"labels": labels, "webhook_url": url}));
    let receipt = system.order(&order).await;
    let path = format!("/order/{}/events", receipt.id);
    let stream = system.request(Method::GET, &path).bearer_auth(&receipt.token).send().await.unwrap();
    let mut stream = EventStream::of(stream);
    let socket = format!("{}/ws?token={}", system.apis[0].replace("http", "ws"), receipt.token);
    let mut socket = Socket::open(&socket).await.unwrap();
    let done = system.done(&receipt).await;
    assert_eq!((done["status"].as_str(), done.get("labels")), (Some("completed"), None), "{done}");
    assert_eq!(system.get(&receipt).await.json()["labels"], labels);
    while let Some(event) = stream.next().await {
        assert_eq!(event.data["labels"], labels, "{}", event.data);
    }
    assert_eq!(socket.next().await.unwrap()["data"]["labels"], labels);
    assert_eq!(webhooks.recv().await.unwrap()["data"]["labels"], labels);
    let waited = system.request(Method::POST, "/order").header("prefer", "wait=10").json(&order);
    assert_eq!(system.send(waited).await.json()["labels"], labels);
    assert_eq!(system.get(&system.order(&fulfilment()).await).await.json().get("labels"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_that_are_none_are_refused_where_they_are() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    for (labels, pointer) in [
        (json!({"Customer": "acme"}), "/options/labels"),
        (json!({"customer": "x".repeat(64)}), "/options/labels/customer"),
        (json!({"customer": "\u{1b}[2J"}), "/options/labels/customer"),
        (json!({"customer": 7}), "/options/labels/customer"),
        (json!(["customer"]), "/options/labels"),
        (
            json!((0..11).map(|n| (format!("l{n}"), "v")).collect::<std::collections::BTreeMap<_, _>>()),
            "/options/labels",
        ),
    ] {
        let refused = system.post(&labelled(labels)).await;
        assert_eq!((refused.status, refused.problem()), (422, "invalid-order".to_owned()));
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_labels_make_another_request_of_an_idempotency_key() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let post = |labels| {
        let request = system.request(Method::POST, "/order").header("idempotency-key", "k").json(&labelled(labels));
        system.send(request)
    };
    let first = Receipt::of(&post(json!({"a": "1", "b": "2"})).await);
    assert_eq!(Receipt::of(&post(json!({"b": "2", "a": "1"})).await).id, first.id);
    assert_eq!(post(json!({"a": "1", "b": "3"})).await.problem(), "idempotency-key-reused");
}

fn as_caller(system: &System, method: Method, path: &str, caller: &str) -> reqwest::RequestBuilder {
    system.request(method, path).header("x-caller", caller)
}

/// Every page of a list: the ids, and how many pages it had.
async fn list(system: &System, caller: &str, query: &str) -> (Vec<String>, usize) {
    let (mut ids, mut pages, mut after) = (Vec::new(), 0, String::new());
    loop {
        let request = as_caller(system, Method::GET, &format!("/admin/orders?{query}{after}"), caller);
        let page = system.send(request).await;
        assert_eq!(page.status, 200, "{}", page.text);
        let page = page.json();
        let orders = page["orders"].as_array().unwrap();
        assert!(orders.len() as u64 <= page["searched"].as_u64().unwrap());
        ids.extend(orders.iter().map(|order| order["id"].as_str().unwrap().to_owned()));
        pages += 1;
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return (ids, pages),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_listed_by_label_page_by_page_each_once() {
    let setup = Setup { workers: 0, ..Setup::default() }.with(c::AUTH, "header").with(c::AUTH_HEADER, "x-caller");
    let system = setup.start().await;
    let (shop, other, admin) =
        ("tenant=shop; roles=submit,view", "tenant=other; roles=submit,view", "tenant=x; roles=admin");
    let (mut even, mut all) = (BTreeSet::new(), BTreeSet::new());
    for n in 0..60 {
        let labels = json!({"parity": if n % 2 == 0 { "even" } else { "odd" }, "n": n.to_string()});
        let request = as_caller(&system, Method::POST, "/order", shop).json(&labelled(labels));
        let receipt = Receipt::of(&system.send(request).await);
        if n % 2 == 0 {
            even.insert(receipt.id.clone());
        }
        all.insert(receipt.id);
    }
    let foreign = as_caller(&system, Method::POST, "/order", other).json(&labelled(json!({"parity": "even"})));
    let foreign = Receipt::of(&system.send(foreign).await).id;
    let once = |(ids, pages): (Vec<String>, usize)| {
        let set: BTreeSet<String> = ids.iter().cloned().collect();
        assert_eq!(set.len(), ids.len(), "none comes twice");
        (set, pages)
    };
    eventually("the index is up to date", async || {
        (list(&system, admin, "").await.0.len() == all.len() + 1).then_some(())
    })
    .await;
    for limit in [1, 7, 100] {
        let (ids, pages) = once(list(&system, shop, &format!("label=parity:even&limit={limit}")).await);
        assert_eq!(ids, even, "limit {limit}");
        assert!(pages >= 30_usize.div_ceil(limit), "{pages}");
    }
    assert_eq!(once(list(&system, shop, "state=pending").await).0, all, "nothing of another tenant");
    assert_eq!(list(&system, shop, "label=parity:even&label=n:3").await.0, [""; 0]);
    assert_eq!(list(&system, shop, "label=n&label=parity:odd&limit=100").await.0.len(), 30);
    assert_eq!(list(&system, shop, "state=failed").await.0, [""; 0]);
    let with_foreign: BTreeSet<String> = even.iter().cloned().chain([foreign.clone()]).collect();
    assert_eq!(once(list(&system, admin, "label=parity:even").await).0, with_foreign);
    assert_eq!(list(&system, admin, "tenant=other").await.0, [foreign]);
    for (caller, query, refused) in [
        ("tenant=shop; roles=submit", "", (403, "role-missing")),
        (shop, "tenant=other", (403, "role-missing")),
        (shop, "label=Parity:even", (400, "invalid-query")),
        (shop, "after=x", (400, "invalid-query")),
    ] {
        let answer = as_caller(&system, Method::GET, &format!("/admin/orders?{query}"), caller);
        let answer = system.send(answer).await;
        assert_eq!((answer.status, &*answer.problem()), refused, "{query}");
    }
    let variables = system.variables();
    let mut offload = std::process::Command::new(program("offload"));
    offload.args(["orders", "list", "--json", "--label", "parity=even", "--tenant", "shop"]).env_clear();
    let output = offload.envs(variables).output().unwrap();
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    let printed = printed["orders"].as_array().unwrap().iter().map(|o| o["id"].as_str().unwrap().to_owned());
    assert_eq!(printed.collect::<BTreeSet<_>>(), even);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_orders_are_listed_from_the_newest() {
    let setup = Setup::default().with(c::AUTH, "header").with(c::AUTH_HEADER, "x-caller");
    let setup = setup.with(c::PROCESSOR, "command").with(c::COMMAND, r#"["sh","-c","exit 1"]"#);
    let system = setup.start().await;
    let caller = "tenant=shop; roles=submit,view";
    let mut failed = Vec::new();
    for n in 0..3 {
        let request = as_caller(&system, Method::POST, "/order", caller).json(&labelled(json!({"n": n.to_string()})));
        let receipt = Receipt::of(&system.send(request).await);
        assert_eq!(system.done(&receipt).await["status"], "failed");
        failed.insert(0, receipt.id);
    }
    eventually("they are in the index", async || {
        (list(&system, caller, "state=failed").await.0 == failed).then_some(())
    })
    .await;
    assert_eq!(list(&system, caller, "state=failed&limit=1").await.0, failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_is_a_metric_only_if_a_setting_names_it() {
    let variables = [("OFFLOAD_METRIC_LABELS", "customer"), ("OFFLOAD_METRIC_LABEL_VALUES", "2")];
    let args = [
        "up",
        "--json",
        "--api",
        "127.0.0.1:0",
        "--s3",
        "127.0.0.1:0",
        "--sqs",
        "127.0.0.1:0",
        "--dynamodb",
        "127.0.0.1:0",
    ];
    let mut up = Process::start("offload", &args, &variables);
    let api = up.ready()["api"].as_str().unwrap().to_owned();
    let http = reqwest::Client::new();
    for customer in ["acme", "b", "acme", "c", "d"] {
        let order = labelled(json!({"customer": customer, "secret": "s"}));
        assert_eq!(http.post(format!("{api}/order")).json(&order).send().await.unwrap().status(), 202);
    }
    let metrics = Response::of(http.get(format!("{api}/metrics")).send().await.unwrap()).await.text;
    let counted: BTreeSet<&str> = metrics.lines().filter(|line| line.starts_with("orders_accepted_by_label")).collect();
    let expected = [("acme", 2), ("b", 1), ("other", 2)];
    let line = |(value, n)| format!("orders_accepted_by_label_total{{label=\"customer\",value=\"{value}\"}} {n}");
    assert_eq!(counted.into_iter().map(str::to_owned).collect::<BTreeSet<_>>(), expected.map(line).into());
}
