//! Bad input gets a clear problem and costs no call.

use offload_domain::{
    id::OrderId,
    token::{Access, TokenKeys},
};
use offload_local::Service;
use offload_service::clock;
use offload_tests::{
    Response, Setup, Socket, System,
    orders::{fulfilment, report, with_options},
};
use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::{Value, json};

async fn post_raw(system: &System, content_type: &str, body: impl Into<reqwest::Body>) -> Response {
    system.send(system.request(Method::POST, "/order").header(CONTENT_TYPE, content_type).body(body)).await
}

fn requests(system: &System) -> [offload_local::RequestCounts; 3] {
    [Service::S3, Service::Sqs, Service::DynamoDb].map(|s| system.stack.requests(s))
}

const WRITES: [&str; 8] = [
    "PutObject",
    "DeleteObject",
    "SendMessage",
    "SendMessageBatch",
    "PutItem",
    "UpdateItem",
    "DeleteItem",
    "TransactWriteItems",
];

fn writes(system: &System) -> u64 {
    requests(system).iter().map(|counts| WRITES.iter().map(|w| counts.of(w)).sum::<u64>()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_order_gets_a_problem_and_costs_no_request() {
    // No worker: its receives would be counted.
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let item = json!({"sku": "A", "quantity": 1});
    let json_body = |v: Value| v.to_string();
    let cases = [
        ("not JSON", "application/json", "{nonsense".to_owned(), 400, "invalid-json", ""),
        ("empty", "application/json", String::new(), 400, "invalid-json", ""),
        ("an array", "application/json", "[]".to_owned(), 422, "invalid-order", ""),
        (
            "an unknown member",
            "application/json",
            json_body(json!({"kind": "fulfilment", "items": [item], "colour": 1})),
            422,
            "invalid-order",
            "",
        ),
        (
            "quantity 0",
            "application/json",
            json_body(json!({"kind": "fulfilment", "items": [{"sku": "A", "quantity": 0}]})),
            422,
            "invalid-order",
            "/items/0/quantity",
        ),
        (
            "101 items",
            "application/json",
            json_body(json!({"kind": "fulfilment", "items": vec![item.clone(); 101]})),
            422,
            "invalid-order",
            "/items",
        ),
        (
            "an unknown option",
            "application/json",
            json_body(with_options(report(1), json!({"x": 1}))),
            422,
            "invalid-order",
            "/options",
        ),
        (
            "a deadline before the start",
            "application/json",
            json_body(with_options(report(1), json!({"deadline_seconds": 10, "delay_seconds": 3600}))),
            422,
            "invalid-order",
            "/options/deadline_seconds",
        ),
        (
            "257 KiB",
            "application/json",
            json_body(json!({"kind": "report", "pad": "x".repeat(257 * 1024)})),
            413,
            "body-too-large",
            "",
        ),
        ("a form", "application/x-www-form-urlencoded", "kind=report".to_owned(), 415, "unsupported-media-type", ""),
        ("deep nesting", "application/json", "[".repeat(100_000), 422, "invalid-order", &"/0".repeat(100)),
    ];
    let before = requests(&system);
    for (what, content_type, body, status, slug, pointer) in cases {
        let response = post_raw(&system, content_type, body).await;
        assert_eq!((response.status, response.problem().as_str()), (status, slug), "{what}: {}", response.text);
        assert!(!response.header("x-request-id").is_empty(), "{what}");
        let problem = response.json();
        assert_eq!(problem["request_id"], response.header("x-request-id"), "{what}");
        if slug == "invalid-order" {
            assert_eq!(problem["errors"][0]["pointer"], pointer, "{what}: {problem}");
        }
    }
    let request = system.request(Method::POST, "/order").json(&fulfilment()).header("prefer", "wait=abc");
    let response = system.send(request).await;
    assert_eq!((response.status, response.problem().as_str()), (400, "invalid-prefer"));
    let request = system.request(Method::POST, "/order").json(&fulfilment()).header("idempotency-key", "");
    let response = system.send(request).await;
    assert_eq!((response.status, response.problem().as_str()), (400, "invalid-idempotency-key"));
    let streamed = futures_util::stream::iter((0..300).map(|_| Ok::<_, std::io::Error>("x".repeat(1_024))));
    let response = post_raw(&system, "application/json", reqwest::Body::wrap_stream(streamed)).await;
    assert_eq!((response.status, response.problem().as_str()), (413, "body-too-large"), "of unknown length");
    assert_eq!(requests(&system), before, "nothing reached S3, SQS or DynamoDB");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_opens_to_its_own_token_only() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let (a, b) = (system.order(&fulfilment()).await, system.order(&fulfilment()).await);
    // An order that never existed, with a valid token: only the secret of the service makes one.
    let unknown = OrderId::new(clock::now());
    let right = TokenKeys::parse(offload_tests::SECRET).unwrap();
    let right = right.sign(unknown, Access::Full, clock::now() + chrono::TimeDelta::hours(1));
    let before = writes(&system);
    for method in [Method::GET, Method::DELETE] {
        let ask = |path: String, token: Option<String>| {
            let request = system.request(method.clone(), &path);
            system.send(match token {
                Some(t) => request.bearer_auth(t),
                None => request,
            })
        };
        let problem = |response: Response| (response.status, response.problem());
        let bad_id = ask("/order/not-an-id".to_owned(), Some(a.token.clone())).await;
        assert_eq!(problem(bad_id), (400, "invalid-order-id".to_owned()));
        let none = ask(format!("/order/{}", a.id), None).await;
        assert_eq!(none.header("www-authenticate"), "Bearer");
        assert_eq!(problem(none), (401, "token-missing".to_owned()));
        let others = ask(format!("/order/{}", a.id), Some(b.token.clone())).await;
        assert_eq!(problem(others), (403, "token-invalid".to_owned()));
        let unknown_id = ask(format!("/order/{unknown}"), Some(right.clone())).await;
        assert_eq!(problem(unknown_id), (404, "order-not-found".to_owned()));
    }
    assert_eq!(writes(&system), before, "nothing was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_routes_and_methods_get_a_problem() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let response = system.send(system.request(Method::GET, "/nowhere")).await;
    assert_eq!((response.status, response.problem().as_str()), (404, "not-found"));
    let response = system.send(system.request(Method::PUT, "/order")).await;
    assert_eq!((response.status, response.problem().as_str()), (405, "method-not-allowed"));
    assert_eq!(response.header("allow"), "POST");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_may_submit_an_order() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let preflight = system.request(Method::OPTIONS, "/order").header("origin", "https://shop.example");
    let preflight = preflight.header("access-control-request-method", "POST");
    let response =
        system.send(preflight.header("access-control-request-headers", "content-type,idempotency-key")).await;
    assert_eq!((response.status, response.header("access-control-allow-origin")), (200, "*"));
    let post = system.request(Method::POST, "/order").header("origin", "https://shop.example").json(&fulfilment());
    let response = system.send(post).await;
    assert_eq!((response.status, response.header("access-control-allow-origin")), (202, "*"));
    assert!(response.header("access-control-expose-headers").to_lowercase().contains("location"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_reads_why_its_large_body_is_refused_unread() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let body = "x".repeat(256 * 1024);
    for (method, path, kind, status) in [
        (Method::POST, "/order", "text/plain", 415),
        (Method::PUT, "/order", "application/json", 405),
        (Method::POST, "/nowhere", "application/json", 404),
        (Method::DELETE, "/order/0198c1f0-0000-7000-8000-000000000000", "application/json", 401),
        (Method::POST, "/healthz", "application/json", 405),
        // It is read, and `100 Continue` sent, until it is too long.
        (Method::POST, "/order", "application/json", 413),
    ] {
        for _ in 0..10 {
            let request = system.request(method.clone(), path).header("content-type", kind);
            let request = if status == 413 {
                let parts: Vec<_> = (0..4).map(|_| Ok::<_, std::io::Error>(body.clone())).collect();
                let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(parts));
                request.header("expect", "100-continue").body(stream)
            } else {
                request.body(body.clone())
            };
            let answer = request.send().await.unwrap_or_else(|e| panic!("{method} {path}: {e:?}"));
            assert_eq!(answer.status(), status, "{method} {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_that_is_none_gets_the_version_of_one() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let key = "dGhlIHNhbXBsZSBub25jZQ==";
    let handshake = |version: &'static str, key: &'static str| {
        let request = system.request(Method::GET, "/ws").header("connection", "Upgrade").header("upgrade", "websocket");
        request.header("sec-websocket-version", version).header("sec-websocket-key", key)
    };
    for (what, request) in [
        ("no upgrade", system.request(Method::GET, "/ws")),
        ("an old version", handshake("8", key)),
        ("a short key", handshake("13", "c2hvcnQ=")),
        ("a key that is none", handshake("13", "!!")),
        ("two keys", handshake("13", key).header("sec-websocket-key", key)),
    ] {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 426, "{what}");
        assert_eq!(answer.headers()["upgrade"], "websocket", "{what}");
        assert_eq!(answer.headers()["sec-websocket-version"], "13", "{what}");
        assert_eq!(answer.headers()["connection"], "Upgrade", "{what}");
    }
    assert_eq!(handshake("13", key).send().await.unwrap().status(), 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_cannot_be_read_loses_no_token_and_no_wish() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let (id, token) = (&receipt.id, &receipt.token);
    for path in ["/ws?".to_owned(), format!("/order/{id}/events?")] {
        for query in [
            format!("token={token}&cancel_on_disconnect=perhaps"),
            format!("token={token}&cancel_on_disconnect="),
            format!("token={token}&token={token}"),
            format!("token={token}&cancel_on_disconnect=true&cancel_on_disconnect=true"),
        ] {
            let answer = system.send(system.request(Method::GET, &format!("{path}{query}"))).await;
            assert_eq!((answer.status, &*answer.problem()), (400, "invalid-query"), "{path}{query}");
        }
    }
    let answer = system.send(system.request(Method::GET, &format!("/order/{id}?token={token}&token=x"))).await;
    assert_eq!((answer.status, &*answer.problem()), (400, "invalid-query"));
    // One reader: what is read by one route is read by the other.
    let mut socket =
        Socket::open(&format!("{}/ws?token={token}&cancel_on_disconnect=0", system.apis[0].replace("http", "ws")))
            .await
            .unwrap();
    assert_eq!(socket.next().await.unwrap()["subject"], **id);
    let capitals = format!("/order/{}?token={token}", id.to_uppercase());
    assert_eq!(system.send(system.request(Method::GET, &capitals)).await.status, 200, "the same id");
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_the_head_of_an_event_stream_changes_nothing() {
    let system = Setup { workers: 0, ..Setup::default() }.start().await;
    let receipt = system.order(&fulfilment()).await;
    let before = system.stack.requests(Service::DynamoDb);
    let path = format!("/order/{}/events?token={}&cancel_on_disconnect=true", receipt.id, receipt.token);
    let head = system.request(Method::HEAD, &path).send().await.unwrap();
    assert_eq!((head.status().as_u16(), &head.headers()["content-type"]), (200, &"text/event-stream".parse().unwrap()));
    let refused = system.request(Method::HEAD, &format!("/order/{}/events", receipt.id)).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let since = system.stack.requests(Service::DynamoDb).since(&before);
    assert_eq!((since.of("PutItem"), since.of("UpdateItem"), since.of("DeleteItem")), (0, 0, 0), "it only reads");
}
