//! What operators read of the service, and what they do to single orders.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use offload_local::Options;
use offload_service::settings::catalogue as c;
use offload_tests::{
    EventStream, Response, Setup, System, eventually,
    orders::{fulfilment, report, with_options},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

pub(crate) const KEY: &str = "a-key-of-the-console-that-is-long-enough";

/// A system whose console is on, and whose orders fail or end by their kind.
pub(crate) fn setup() -> Setup {
    Setup::default().with(c::CONSOLE, "on").with(c::CONSOLE_KEY, KEY)
}

/// A system whose orders fail at once, as dead letters.
pub(crate) fn failing() -> Setup {
    let setup = setup().with(c::PROCESSOR, "command").with(c::COMMAND, r#"["sh","-c","exit 75"]"#);
    setup.with(c::MAX_ATTEMPTS, "1")
}

pub(crate) fn ask(system: &System, method: Method, path: &str) -> RequestBuilder {
    system.request(method, path).bearer_auth(KEY)
}

pub(crate) async fn get(system: &System, path: &str) -> Value {
    let answer = system.send(ask(system, Method::GET, path)).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text);
    answer.json()
}

/// The ids of a list.
pub(crate) async fn listed(system: &System, query: &str) -> Vec<String> {
    let url = reqwest::Url::parse_with_params("http://x/admin/orders", [("q", query)]).unwrap();
    let list = get(system, &format!("/admin/orders?{}", url.query().unwrap())).await;
    list["orders"].as_array().unwrap().iter().map(|order| order["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_finds_orders_by_each_of_its_words() {
    let system = Setup { workers: 0, ..setup() }.start().await;
    let labels = with_options(report(3), json!({"labels": {"customer": "a b"}}));
    let keyed = system.request(Method::POST, "/order").header("idempotency-key", "the key").json(&labels);
    let keyed = system.send(keyed.header("idempotency-key", "k1")).await;
    assert_eq!(keyed.problem(), "invalid-idempotency-key", "sent twice");
    let keyed = system.request(Method::POST, "/order").header("idempotency-key", "k1").json(&labels);
    let reported = system.send(keyed).await.json()["id"].as_str().unwrap().to_owned();
    let other = system.order(&fulfilment()).await.id;
    eventually("both are listed", async || (listed(&system, "").await.len() == 2).then_some(())).await;
    for (query, expected) in [
        ("kind:report", vec![&reported]),
        ("kind:fulfilment state:pending", vec![&other]),
        ("label:customer=\"a b\"", vec![&reported]),
        ("tenant:other", vec![]),
        ("age<1h attempt<1 tenant:default kind:report", vec![&reported]),
        ("age>1h", vec![]),
        ("state:failed", vec![]),
        ("key:k1", vec![&reported]),
        ("key:k2", vec![]),
        (&reported, vec![&reported]),
    ] {
        assert_eq!(listed(&system, query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    assert_eq!(listed(&system, &format!("state:completed id:{reported}")).await, [""; 0]);
    let refused = system.send(ask(&system, Method::GET, "/admin/orders?q=kind:a%20colour:red")).await;
    assert_eq!((refused.status, refused.problem()), (400, "invalid-filter".to_owned()));
    assert!(refused.json()["errors"][0]["detail"].as_str().unwrap().starts_with("at 8: colour:red is no word"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_described_with_its_timeline_and_its_payload_when_asked() {
    let system = setup().start().await;
    let receipt = system.order(&report(3)).await;
    let done = system.done(&receipt).await;
    let path = format!("/admin/orders/{}", receipt.id);
    let order = get(&system, &path).await;
    assert_eq!((order["status"].as_str(), order["kind"].as_str()), (Some("completed"), Some("report")));
    assert_eq!(order["status_object"]["revision"], done["revision"]);
    assert_eq!(order["payload"], Value::Null);
    let events: Vec<_> = order["timeline"].as_array().unwrap().iter().map(|e| e["event"].clone()).collect();
    assert_eq!(events, ["accepted", "started", "completed"]);
    let read = system.http.get(order["status_url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(Response::of(read).await.json()["id"], receipt.id);
    assert_eq!(get(&system, &format!("{path}?payload=true")).await["payload"], report(3));
    assert_eq!(listed(&system, &format!("state:completed {}", receipt.id)).await, [receipt.id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bill_is_of_the_work_as_it_takes_here_unless_the_query_says_otherwise() {
    let system = setup().start().await;
    let guess = get(&system, "/admin/cost").await;
    assert_eq!((&guess["scenario"]["run_seconds"], &guess["scenario"]["keyed"]), (&json!(2.0), &json!(true)));
    let receipt = system.order(&report(1)).await;
    system.done(&receipt).await;
    let bill = eventually("the worker has reported how long it took", async || {
        let bill = get(&system, "/admin/cost?orders=5e6&region=us-east-1&channels=poll,webhook").await;
        (bill["scenario"]["run_seconds"].as_f64()? < 2.0).then_some(bill)
    })
    .await;
    assert_eq!((&bill["region"], &bill["scenario"]["orders"]), (&json!("us-east-1"), &json!(5e6)));
    assert_eq!(bill["scenario"]["channels"], json!(["poll", "webhook"]));
    let dollars = |lines: &Value| lines.as_array().unwrap().iter().map(|l| l["dollars"].as_f64().unwrap()).sum::<f64>();
    let all = dollars(&bill["service"]) + dollars(&bill["idle"]);
    assert!((bill["dollars"].as_f64().unwrap() - all).abs() < 1e-6, "{bill}");
    assert_eq!((bill["ways"].as_array().unwrap().len(), bill["break_even"].as_array().unwrap().len()), (8, 3));
    for (query, why) in [
        ("orders=0", "orders is 1 to 1000000000000, not 0"),
        ("region=mars-1", "mars-1"),
        ("runtime=cow", "runtime must be lambda or fargate"),
    ] {
        let refused = system.send(ask(&system, Method::GET, &format!("/admin/cost?{query}"))).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-query".to_owned()), "{query}");
        assert!(refused.json()["detail"].as_str().unwrap().contains(why), "{}", refused.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_figures_count_what_was_accepted_and_how_it_ended() {
    let system = setup().start().await;
    for _ in 0..3 {
        let receipt = system.order(&report(1)).await;
        system.done(&receipt).await;
    }
    let sum = |series: &Value| series.as_array().unwrap().iter().filter_map(Value::as_f64).sum::<f64>();
    let counts = eventually("the worker has reported the ends", async || {
        let counts = get(&system, "/admin/counts").await;
        (sum(&counts["minutes"]["completed"]) >= 3.0).then_some(counts)
    })
    .await;
    assert_eq!(counts["minutes"]["accepted"].as_array().unwrap().len(), 60);
    assert!((sum(&counts["minutes"]["accepted"]) - 3.0).abs() < 1e-9, "{counts}");
    assert_eq!((&counts["waiting"], &counts["dead"]["count"]), (&json!(0), &json!(0)));
    assert!(counts["workers"]["alive"] == 1 && counts["banners"] == json!([]), "{counts}");
    assert!(counts["before_p90"]["orders"].as_f64().unwrap() >= 3.0 && sum(&counts["polls"]["fixed_client"]) >= 3.0);
    let workers = get(&system, "/admin/workers").await;
    assert_eq!(workers["workers"][0]["alive"], true, "{workers}");
    assert_eq!(workers["workers"][0]["version"], env!("CARGO_PKG_VERSION"));
    let answer = system.send(ask(&system, Method::GET, "/admin/counts")).await;
    let etag = answer.header("etag").to_owned();
    eventually("nothing changes", async || {
        let again = ask(&system, Method::GET, "/admin/counts").header("if-none-match", &etag);
        (system.send(again).await.status == 304).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banner_says_that_no_worker_runs() {
    let system = Setup { workers: 0, ..setup() }.start().await;
    system.order(&report(1)).await;
    let counts = eventually("the order waits", async || {
        let counts = get(&system, "/admin/counts").await;
        (counts["waiting"] == 1).then_some(counts)
    })
    .await;
    assert_eq!(counts["banners"][0]["kind"], "no_workers", "{counts}");
    assert!(counts["oldest_waiting"]["id"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banner_says_that_links_end_with_their_credentials() {
    const ROLE: &str = "arn:aws:iam::000000000000:role/signer";
    let stack = || Options { min_session_seconds: 60, ..Options::ephemeral() };
    // Whether a worker has reported yet is another banner's.
    let banner = async |system: &System| {
        let counts = get(system, "/admin/counts").await;
        let banners = counts["banners"].as_array().unwrap();
        banners.iter().find(|banner| banner["kind"] == "credentials_end").cloned()
    };
    let renewed = Setup { stack: stack(), ..setup() }.with(c::SIGNER_ROLE_ARN, ROLE).start().await;
    assert_eq!(banner(&renewed).await, None, "an hour is enough");

    let session = Some(Duration::from_secs(120));
    let short = Setup { session, stack: stack(), ..setup() }.with(c::SIGNER_ROLE_ARN, ROLE).start().await;
    let link: DateTime<Utc> =
        short.order(&report(1)).await.body["status_url_expires_at"].as_str().unwrap().parse().unwrap();
    let banner = banner(&short).await.expect("two minutes are left, and they are renewed five before");
    // The end that the order's link has.
    let detail = banner["detail"].as_str().unwrap();
    let ends = [link, link + TimeDelta::seconds(1)].map(|end| format!("they end at {} UTC", end.format("%H:%M:%S")));
    assert!(ends.iter().any(|end| detail.starts_with(end)), "{detail}: {link}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_order_is_redriven_purged_or_cancelled() {
    let system = failing().start().await;
    let receipt = system.order(&report(1)).await;
    assert_eq!(system.done(&receipt).await["status"], "failed");
    let act = async |id: &str, verb: &str| {
        system.send(ask(&system, Method::POST, &format!("/admin/orders/{id}/{verb}"))).await
    };
    eventually("it is a dead letter", async || (listed(&system, "state:dead").await.len() == 1).then_some(())).await;
    let redriven = act(&receipt.id, "redrive").await;
    assert_eq!((redriven.status, &redriven.json()["generation"]), (202, &json!(2)), "{}", redriven.text);
    eventually("it fails again", async || (listed(&system, "state:dead").await.len() == 1).then_some(())).await;
    let refused = act(&receipt.id, "cancel").await;
    assert_eq!((refused.status, refused.problem()), (409, "order-already-ended".to_owned()));
    assert_eq!(act(&receipt.id, "purge").await.json()["status"], "failed");
    eventually("it is in no list", async || listed(&system, "state:failed").await.is_empty().then_some(())).await;

    let waiting = system.order(&with_options(report(1), json!({"delay_seconds": 600}))).await;
    assert_eq!(act(&waiting.id, "redrive").await.problem(), "order-not-failed");
    assert_eq!(act(&waiting.id, "purge").await.problem(), "order-not-failed");
    let cancelled = act(&waiting.id, "cancel").await;
    assert_eq!((cancelled.status, &cancelled.json()["status"]), (202, &json!("cancelled")));
    assert_eq!(act(&waiting.id, "cancel").await.status, 200, "it was before");
    assert_eq!(system.done(&waiting).await["status"], "cancelled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_has_every_change_of_an_order() {
    let system = setup().with(c::JOB_SECONDS, "4").start().await;
    let stream = ask(&system, Method::GET, "/admin/events").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let mut stream = EventStream::of(stream);
    let receipt = system.order(&fulfilment()).await;
    let mut seen = Vec::new();
    while seen.last() != Some(&json!("completed")) {
        let event = stream.next().await.unwrap();
        let orders = event.data["orders"].as_array().cloned().unwrap_or_default();
        seen.extend(orders.into_iter().filter(|o| o["id"] == receipt.id).map(|o| o["status"].clone()));
    }
    assert!(seen.len() >= 2, "it was seen before its end: {seen:?}");
}
