//! An order's webhook: signed, tried again, listed, and closed to our own network.

use std::{
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Bytes, http::HeaderMap, http::StatusCode, routing::post};
use offload_domain::{tenant::Tenant, webhook::Secrets};
use offload_local::Service;
use offload_service::settings::catalogue as c;
use offload_tests::{
    Receipt, Setup, System, WEBHOOK_SECRET, eventually,
    orders::{report, with_options},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

/// The requests that a receiver got.
pub(crate) type Received = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A receiver that responds with these status codes in turn, and then always with the last one.
pub(crate) async fn receiver(responses: &[u16]) -> (String, Received) {
    let got: Received = Arc::default();
    let (responses, nth, kept) = (responses.to_vec(), Arc::new(AtomicUsize::new(0)), Arc::clone(&got));
    let take = async move |headers: HeaderMap, body: Bytes| {
        kept.lock().unwrap().push((headers, body));
        let n = nth.fetch_add(1, Ordering::Relaxed).min(responses.len() - 1);
        StatusCode::from_u16(responses[n]).unwrap()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?key=secret", listener.local_addr().unwrap());
    let router = Router::new().route("/hook", post(take));
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, got)
}

/// The secret of a receiver, as `offload webhooks secret` prints it.
fn own_secret(tenant: &Tenant, url: &str) -> String {
    let own = Secrets::parse(WEBHOOK_SECRET).unwrap().of_receiver(tenant, &url.parse().unwrap());
    own.texts().next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn receivers_may_verify_with_the_shared_secret_until_they_have_their_own() {
    let system = setup().with(c::WEBHOOK_SHARED_SIGNATURE, true).start().await;
    let (url, got) = receiver(&[204]).await;
    let receipt = system.order(&order(&url)).await;
    deliveries(&system, &receipt, "delivered").await;
    let (headers, body) = got.lock().unwrap()[0].clone();
    for secret in [WEBHOOK_SECRET, &own_secret(&Tenant::default(), &url)] {
        Webhook::new(secret).unwrap().verify(&body, &headers).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_deliveries_maps_no_network() {
    let system = setup().with(c::WEBHOOK_RETRY_SECONDS, "0.1").start().await;
    // Closed ports of this machine and names that do not exist: what a client could distinguish.
    let mut seen = Vec::new();
    for url in ["http://127.0.0.1:1/", "https://no-such-name.invalid/", "https://localhost:1/", "http://127.0.0.1:2/"] {
        let receipt = system.order(&order(url)).await;
        let delivery = deliveries(&system, &receipt, "given_up").await;
        for attempt in delivery["attempts"].as_array().unwrap() {
            seen.push((attempt["status"].clone(), attempt["error"].clone(), attempt["duration_ms"].clone()));
        }
    }
    seen.dedup();
    assert_eq!(seen, [(Value::Null, json!("the receiver could not be reached"), json!(0))]);
}

fn order(url: &str) -> Value {
    with_options(report(3), json!({"webhook_url": url}))
}

/// An order that is never published as processing has one event: its end.
fn setup() -> Setup {
    Setup::default().with(c::PROCESSING_AFTER_MS, 60_000)
}

async fn deliveries(system: &System, receipt: &Receipt, state: &str) -> Value {
    eventually(state, async || {
        let order = system.get(receipt).await.json();
        let all = order["deliveries"].as_array()?.clone();
        all.into_iter().find(|d| d["state"] == state)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_signed_and_listed() {
    let system = setup().start().await;
    let (url, got) = receiver(&[204]).await;
    let receipt = system.order(&order(&url)).await;
    let delivery = deliveries(&system, &receipt, "delivered").await;
    assert_eq!(
        (delivery["channel"].as_str(), delivery["attempts"][0]["status"].as_u64()),
        (Some("webhook"), Some(204))
    );
    let (headers, body) = got.lock().unwrap()[0].clone();
    // By the receiver's own secret, as any library of Standard Webhooks verifies it.
    let webhook = Webhook::new(&own_secret(&Tenant::default(), &url)).unwrap();
    webhook.verify(&body, &headers).unwrap();
    assert!(webhook.verify(b"{}", &headers).is_err());
    // Neither the secret of another tenant, nor of another receiver, nor the operator's own.
    let stranger = own_secret(&"stranger".parse().unwrap(), &url);
    let neighbour = own_secret(&Tenant::default(), &url.replace("/hook", "/other"));
    for other in [&stranger, &neighbour, WEBHOOK_SECRET] {
        assert!(Webhook::new(other).unwrap().verify(&body, &headers).is_err());
    }
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(headers["webhook-id"].to_str().unwrap(), event["id"]);
    assert_eq!(headers["content-type"], "application/cloudevents+json");
    assert_eq!(event["data"], system.done(&receipt).await, "the current object, with the URL of the result");
    assert!(event["data"]["result_url"].is_string());
    let order = system.get(&receipt).await.text;
    assert!(!order.contains("key=secret"), "the URL of a webhook may have a secret in it: {order}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_fails_is_retried_with_the_same_id() {
    let system = setup().with(c::WEBHOOK_RETRY_SECONDS, "0.1,0.2,0.3").start().await;
    let (url, got) = receiver(&[500, 503, 200]).await;
    let receipt = system.order(&order(&url)).await;
    let delivery = deliveries(&system, &receipt, "delivered").await;
    let attempts = delivery["attempts"].as_array().unwrap();
    let statuses: Vec<u64> = attempts.iter().map(|a| a["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [500, 503, 200], "{delivery}");
    let got = got.lock().unwrap();
    assert!(got.iter().all(|(headers, _)| headers["webhook-id"] == got[0].0["webhook-id"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_gone_or_keeps_failing_ends() {
    let system = setup().with(c::WEBHOOK_RETRY_SECONDS, "0.1").start().await;
    let ((gone, _), (never, got)) = (receiver(&[410]).await, receiver(&[500]).await);
    let (first, second) = (system.order(&order(&gone)).await, system.order(&order(&never)).await);
    deliveries(&system, &first, "gone").await;
    let delivery = deliveries(&system, &second, "given_up").await;
    assert_eq!((delivery["attempts"].as_array().unwrap().len(), got.lock().unwrap().len()), (2, 2));
    let dead = system.stores.notifications.as_ref().unwrap().dead_letters.clone().unwrap();
    eventually("it is a dead letter", async || (dead.depth().await.ok()?.visible == 1).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_into_our_own_network_is_refused_without_a_write() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let before = system.stack.requests(Service::DynamoDb);
    for url in [
        "http://hooks.example/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::ffff:10.0.0.1]/",
        "https://user:password@hooks.example/",
        "ftp://hooks.example/",
        "nonsense",
    ] {
        let response = system.post(&order(url)).await;
        assert_eq!((response.status, response.problem().as_str()), (422, "invalid-order"), "{url}");
        assert_eq!(response.json()["errors"][0]["pointer"], "/options/webhook_url", "{url}");
    }
    let since = system.stack.requests(Service::DynamoDb).since(&before);
    assert_eq!((since.of("PutItem"), since.of("TransactWriteItems")), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_webhook_delays_no_other() {
    let system = setup().with(c::NOTIFY_CONCURRENCY, 16).start().await;
    // Accepts connections and never responds.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let dead = format!("http://{}/", listener.local_addr().unwrap());
    let accepting = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            open.push(stream);
        }
    });
    let (good, got) = receiver(&[200]).await;
    for _ in 0..60 {
        system.order(&order(&dead)).await;
    }
    let begun = std::time::Instant::now();
    let receipt = system.order(&order(&good)).await;
    deliveries(&system, &receipt, "delivered").await;
    assert!(begun.elapsed() < Duration::from_secs(14), "{:?}: not after the ones that hang", begun.elapsed());
    assert_eq!(got.lock().unwrap().len(), 1);
    accepting.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_is_replayed_with_its_id_and_a_new_signature() {
    let system = setup().with(c::AUTH, "header").with(c::AUTH_HEADER, "x-caller").start().await;
    let (url, got) = receiver(&[204]).await;
    let ask = async |caller: &str, request: RequestBuilder| system.send(request.header("x-caller", caller)).await;
    let of = |tenant: &str, roles: &str| format!("tenant={tenant}; name=n; roles={roles}");
    let (shop, other) = (of("shop", "submit view operate"), of("other", "submit view operate"));
    let receipt = Receipt::of(&ask(&shop, system.request(Method::POST, "/order").json(&order(&url))).await);
    deliveries(&system, &receipt, "delivered").await;
    let path = format!("/admin/deliveries/{}", receipt.id);
    for method in [Method::GET, Method::POST] {
        let foreign = ask(&other, system.request(method.clone(), &path)).await;
        assert_eq!((foreign.status, foreign.problem().as_str()), (404, "order-not-found"), "another tenant's");
        assert_eq!(system.send(system.request(method, &path)).await.status, 401);
    }
    let viewer = ask(&of("shop", "view"), system.request(Method::POST, &path)).await;
    assert_eq!((viewer.status, viewer.problem().as_str()), (403, "role-missing"));
    let replayed = ask(&shop, system.request(Method::POST, &path)).await;
    assert_eq!((replayed.status, replayed.json()["order"].as_str()), (200, Some(&*receipt.id)));
    eventually("it comes again", async || (got.lock().unwrap().len() == 2).then_some(())).await;
    let got = got.lock().unwrap().clone();
    assert_eq!(got[0].0["webhook-id"], got[1].0["webhook-id"]);
    // By the secret that the api gives to the receiver's owner.
    let secret_of = async |caller: &str| {
        let request = system.request(Method::POST, &format!("/webhooks/secret?url={url}"));
        ask(caller, request).await
    };
    let given = secret_of(&shop).await;
    assert_eq!((given.status, given.header("cache-control")), (200, "no-store"));
    let secret = given.json()["secrets"][0].as_str().unwrap().to_owned();
    assert_eq!(secret, own_secret(&"shop".parse().unwrap(), &url));
    for (headers, body) in &got {
        Webhook::new(&secret).unwrap().verify(body, headers).unwrap();
    }
    assert_ne!(secret_of(&other).await.json()["secrets"][0], *secret, "another tenant's signs nothing of ours");
    assert_eq!(secret_of(&of("shop", "view")).await.problem(), "role-missing");
    let inside = system.request(Method::POST, "/webhooks/secret?url=http://10.0.0.1/");
    assert_eq!(ask(&shop, inside).await.problem(), "invalid-order");
    eventually("both attempts are listed", async || {
        let listed = ask(&shop, system.request(Method::GET, &path)).await.json();
        (listed["deliveries"][0]["attempts"].as_array()?.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_a_secret_where_callers_are_not_known() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let request = system.request(Method::POST, "/webhooks/secret?url=https://hooks.example/");
    assert_eq!(system.send(request).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_lists_replays_and_tests_webhooks() {
    let system = setup().with(c::WEBHOOK_RETRY_SECONDS, "0.1").start().await;
    let ((good, got), (bad, _)) = (receiver(&[204]).await, receiver(&[500]).await);
    let (delivered, failed) = (system.order(&order(&good)).await, system.order(&order(&bad)).await);
    deliveries(&system, &delivered, "delivered").await;
    deliveries(&system, &failed, "given_up").await;
    let webhooks = |args: &[&str]| {
        let mut command = Command::new(offload_tests::program("offload"));
        command.arg("webhooks").args(args).envs(system.variables()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code(), printed)
    };
    let (code, listed) = webhooks(&["list", &delivered.id]);
    assert!(code == Some(0) && listed.contains("delivered  attempts 1  204"), "{listed}");
    let (_, json) = webhooks(&["list", &failed.id, "--json"]);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["deliveries"][0]["state"], "given_up", "{json}");
    let dead = eventually("a dead letter", async || {
        let (_, dead) = webhooks(&["list"]);
        (!dead.trim().is_empty()).then_some(dead)
    })
    .await;
    assert!(dead.contains(&failed.id) && !dead.contains(&delivered.id), "{dead}");
    assert_eq!(webhooks(&["replay", &delivered.id]).0, Some(0));
    eventually("it comes again", async || (got.lock().unwrap().len() == 2).then_some(())).await;
    let (code, tested) = webhooks(&["test", &good]);
    assert_eq!((code, tested.trim()), (Some(0), "204"));
    let (headers, body) = got.lock().unwrap().last().unwrap().clone();
    Webhook::new(&own_secret(&Tenant::default(), &good)).unwrap().verify(&body, &headers).unwrap();
    assert!(headers["webhook-id"].to_str().unwrap().starts_with("test/"));
    assert!(webhooks(&["test", &bad]).1.contains("answered 500"));
    let (code, refused) = webhooks(&["test", "http://10.0.0.1/"]);
    assert!(code != Some(0) && refused.contains("not allowed"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_lists_and_replays_the_webhooks_of_a_filter() {
    let system = setup().with(c::PROCESSOR, "command").with(c::COMMAND, r#"["sh","-c","exit 1"]"#).start().await;
    let (url, got) = receiver(&[204]).await;
    let labelled = |n: &str| with_options(report(3), json!({"webhook_url": url, "labels": {"n": n}}));
    let without = with_options(report(3), json!({"labels": {"n": "1"}}));
    let mut receipts = Vec::new();
    for order in [labelled("1"), labelled("1"), labelled("2"), without] {
        receipts.push(system.order(&order).await);
    }
    for receipt in &receipts {
        assert_eq!(system.done(receipt).await["status"], "failed");
    }
    for receipt in &receipts[..3] {
        deliveries(&system, receipt, "delivered").await;
    }
    let webhooks = |args: &[&str]| {
        let mut command = Command::new(offload_tests::program("offload"));
        command.arg("webhooks").args(args).envs(system.variables()).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let filter = ["--where", "state:failed label:n=1"];
    let list = async || {
        let (code, out, error) = webhooks(&[&["list", "--json"], &filter[..]].concat());
        assert_eq!(code, Some(0), "{error}");
        serde_json::from_str::<Value>(&out).unwrap()
    };
    let listed = eventually("the index has both", async || {
        let listed = list().await;
        (listed["orders"].as_array()?.len() == 2).then_some(listed)
    })
    .await;
    let mut ids: Vec<_> = listed["orders"].as_array().unwrap().iter().map(|o| o["order"].as_str().unwrap()).collect();
    let mut expected = [receipts[0].id.as_str(), receipts[1].id.as_str()];
    ids.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ids, expected, "the one without a webhook is left out");
    let first = &listed["orders"][0];
    assert_eq!((&first["status"], &first["tenant"]), (&json!("failed"), &json!("default")));
    assert_eq!(first["deliveries"][0]["state"], "delivered", "{listed}");
    let (_, text, _) = webhooks(&[&["list"], &filter[..]].concat());
    assert!(text.contains("delivered  attempts 1  204") && text.trim_end().ends_with("searched"), "{text}");
    assert!(text.contains("2 orders of"), "{text}");

    let wrong = webhooks(&["list", "--where", "state:failed colour:red"]);
    assert_eq!(wrong.0, Some(2));
    assert!(wrong.2.contains("at 14: colour:red is no word of a filter"), "{}", wrong.2);
    for refused in [
        &["list", "--where", "state:failed", &receipts[0].id][..],
        &["list", "--limit", "5"],
        &["list", "--where", "state:failed", "--limit", "1001"],
        &["replay"],
        &["replay", "--where", "state:failed"],
    ] {
        assert_eq!(webhooks(refused).0, Some(2), "{refused:?}");
    }
    let sent = got.lock().unwrap().len();
    let (code, dry, _) = webhooks(&[&["replay", "--dry-run"], &filter[..]].concat());
    assert_eq!((code, dry.lines().filter(|line| line.ends_with("would be sent")).count()), (Some(0), 2), "{dry}");
    let (code, out, error) = webhooks(&[&["replay", "--yes", "--json"], &filter[..]].concat());
    assert_eq!(code, Some(0), "{error}");
    let outcomes = serde_json::Deserializer::from_str(&out).into_iter::<Value>();
    let outcomes: Vec<Value> = outcomes.map(Result::unwrap).collect();
    assert!(outcomes.len() == 2 && outcomes.iter().all(|o| o["outcome"] == "sent"), "{out}");
    eventually("both come again", async || (got.lock().unwrap().len() == sent + 2).then_some(())).await;
    let nothing = webhooks(&["replay", "--yes", "--where", "state:failed label:n=3"]);
    assert_eq!(nothing.0, Some(1), "{}", nothing.2);
    assert!(nothing.2.contains("nothing was sent: 0 orders of"), "{}", nothing.2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_event_goes_the_way_of_every_webhook_but_once() {
    let system = setup().with(c::AUTH, "header").with(c::AUTH_HEADER, "x-caller").start().await;
    let ((good, got), (bad, refused)) = (receiver(&[204]).await, receiver(&[500, 200]).await);
    let ask = async |roles: &str, method: Method, path: &str| {
        let caller = format!("tenant=shop; name=n; roles={roles}");
        system.send(system.request(method, path).header("x-caller", caller)).await
    };
    let send = async |roles: &str, query: &[(&str, &str)]| {
        let url = reqwest::Url::parse_with_params("http://x/admin/deliveries/test", query).unwrap();
        ask(roles, Method::POST, &format!("/admin/deliveries/test?{}", url.query().unwrap())).await
    };
    let outcome = async |sent: &str| {
        eventually("a worker has tried", async || {
            let read = ask("operate", Method::GET, &format!("/admin/deliveries/test/{sent}")).await.json();
            read["delivery"].is_object().then(|| read["delivery"].clone())
        })
        .await
    };
    let sent = send("operate", &[("url", &good)]).await;
    assert_eq!((sent.status, &sent.json()["delivery"]), (202, &Value::Null), "{}", sent.text);
    let delivery = outcome(sent.json()["id"].as_str().unwrap()).await;
    assert_eq!((&delivery["state"], &delivery["attempts"][0]["status"]), (&json!("delivered"), &json!(204)));
    let (headers, body) = got.lock().unwrap()[0].clone();
    Webhook::new(&own_secret(&"shop".parse().unwrap(), &good)).unwrap().verify(&body, &headers).unwrap();
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&event["type"], &event["revision"]), (&json!("dev.status-offload.webhook.test"), &json!(0)));

    let sent = send("operate", &[("url", &bad)]).await;
    let delivery = outcome(sent.json()["id"].as_str().unwrap()).await;
    assert_eq!((&delivery["state"], &delivery["attempts"][0]["status"]), (&json!("given_up"), &json!(500)));
    let notifications = system.stores.notifications.as_ref().unwrap();
    eventually("nothing is left of it", async || {
        let depths = [notifications.webhooks.depth().await.ok()?, notifications.webhook_retries.depth().await.ok()?];
        depths.iter().all(|depth| depth.visible + depth.in_flight + depth.delayed == 0).then_some(())
    })
    .await;
    let dead = notifications.dead_letters.clone().unwrap().depth().await.unwrap();
    assert_eq!((refused.lock().unwrap().len(), dead.visible), (1, 0), "it is tried once, and no dead letter");

    for (roles, query, status, problem) in [
        ("view", &[("url", &*good)][..], 403, "role-missing"),
        ("operate", &[("url", &good), ("tenant", "other")], 403, "role-missing"),
        ("admin", &[("url", &good), ("tenant", "a b")], 400, "invalid-query"),
        ("operate", &[("url", "https://10.0.0.1/")], 400, "invalid-query"),
        ("operate", &[], 400, "invalid-query"),
    ] {
        let refused = send(roles, query).await;
        assert_eq!((refused.status, refused.problem().as_str()), (status, problem), "{roles} {query:?}");
    }
    assert_eq!(send("admin", &[("url", &good), ("tenant", "other")]).await.status, 202);
    // What came of an order's event is read where its order is.
    let order = Receipt::of(
        &system
            .send(
                system
                    .request(Method::POST, "/order")
                    .header("x-caller", "tenant=shop; name=n; roles=submit")
                    .json(&order(&good)),
            )
            .await,
    );
    eventually("all have come", async || (got.lock().unwrap().len() == 3).then_some(())).await;
    let read = ask("operate", Method::GET, &format!("/admin/deliveries/test/{}", order.id)).await;
    assert_eq!((read.status, &read.json()["delivery"]), (200, &Value::Null));
}
