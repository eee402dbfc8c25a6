//! The payload that the work gets is the text that was sent, and the result that a client gets is
//! the text that the work wrote.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use futures_util::future::join_all;
use offload_service::settings::catalogue as c;
use offload_tests::{Receipt, Response, Setup, System, eventually};
use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What parsing and writing it again would change: numbers beyond 2^64 and beyond a double's
/// digits, a negative zero, spellings of numbers, escapes, the order of members, white space.
const ORDER: &str = r#"{ "z":18446744073709551617, "d":0.123456789012345678901234 ,"m":-0,"e":1e15, "E":1E+2,"f":1.50,
  "esc":"\u00e9\/\ud83d\ude00\u0000", "uni":"é😀", "a":[[{}] , null,true], "kind":"x" }"#;

/// An endpoint or a receiver that keeps the bodies that it gets, and answers with this one.
async fn server(answer: &str) -> (String, Arc<Mutex<Vec<String>>>) {
    let got: Arc<Mutex<Vec<String>>> = Arc::default();
    let (kept, answer) = (Arc::clone(&got), answer.to_owned());
    let take = async move |_: HeaderMap, body: Bytes| {
        kept.lock().unwrap().push(String::from_utf8(body.to_vec()).unwrap());
        ([(CONTENT_TYPE, "application/json")], answer)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/", post(take))).await });
    (url, got)
}

/// A system that takes any order, and the file with its schema.
fn any_order() -> (Setup, tempfile::NamedTempFile) {
    let schema = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(schema.path(), "true").unwrap();
    let path = schema.path().display().to_string();
    (Setup::default().with(c::ORDER_SCHEMA, path).with(c::PROCESSING_AFTER_MS, 60_000), schema)
}

async fn send(system: &System, key: Option<&str>, body: &str) -> Response {
    let request = system.request(Method::POST, "/order").header(CONTENT_TYPE, "application/json");
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    system.send(request.body(body.to_owned())).await
}

/// The document that the work should get.
fn document(system_order: &Receipt, created_at: &str, payload: &str) -> String {
    format!(r#"{{"id":"{}","created_at":"{created_at}","order":{payload}}}"#, system_order.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_the_order_to_the_byte() {
    let got = tempfile::NamedTempFile::new().unwrap();
    let script = format!("import sys\nopen({:?}, 'wb').write(sys.stdin.buffer.read())", got.path());
    let (setup, _schema) = any_order();
    let command = json!(["python3", "-c", script]).to_string();
    let system = setup.with(c::PROCESSOR, "command").with(c::COMMAND, command).start().await;
    let body = ORDER.replacen("\"a\":", "\"options\" : {\"deadline_seconds\":60},\"a\":", 1);
    let receipt = Receipt::of(&send(&system, None, &body).await);
    let done = system.done(&receipt).await;
    let expected = document(&receipt, done["created_at"].as_str().unwrap(), ORDER);
    assert_eq!(std::fs::read_to_string(got.path()).unwrap(), expected);
    let stored = system.stores.orders.get(receipt.id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(stored.order.payload.as_str(), ORDER);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_url_gets_the_order_to_the_byte_and_its_result_comes_back_so() {
    let result = ORDER.replace("\n ", "");
    let (endpoint, got) = server(&result).await;
    let (receiver, events) = server("").await;
    let (setup, _schema) = any_order();
    let system = setup.with(c::PROCESSOR, "http").with(c::HTTP_URL, endpoint).start().await;
    let options = json!({"webhook_url": receiver});
    let receipt =
        Receipt::of(&send(&system, None, &ORDER.replacen('{', &format!("{{\"options\":{options},"), 1)).await);
    let done = system.done(&receipt).await;
    // The member was the first: the next one moves up to the brace.
    let payload = format!("{{{}", &ORDER[2..]);
    assert_eq!(*got.lock().unwrap(), [document(&receipt, done["created_at"].as_str().unwrap(), &payload)]);

    let member = format!("\"result\":{result},");
    assert!(system.poll(&receipt).await.text.contains(&member), "the status object");
    assert!(system.get(&receipt).await.text.contains(&member), "the api");
    let event = eventually("the webhook is called", async || events.lock().unwrap().first().cloned()).await;
    assert!(event.contains(&member), "the event: {event}");
    let stream = system.http.get(format!("{}/order/{}/events?token={}", system.apis[0], receipt.id, receipt.token));
    assert!(system.send(stream).await.text.contains(&member), "the event stream");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_result_is_stored_to_the_byte() {
    let result = format!("[ 1e15{} ]", ", -0, 18446744073709551617,\n 1E+2".repeat(10_000));
    let lines = tempfile::NamedTempFile::new().unwrap();
    let line = result.replace('\n', "");
    std::fs::write(lines.path(), format!("{{\"result\": {line} }}")).unwrap();
    let (endpoint, _) = server(&result).await;
    let command = json!(["cat", lines.path()]).to_string();
    for (name, setting, value, expected) in
        [("http", c::HTTP_URL, endpoint, result), ("command", c::COMMAND, command, line)]
    {
        let (setup, _schema) = any_order();
        let system = setup.with(c::PROCESSOR, name).with(setting, value).start().await;
        let done = system.done(&Receipt::of(&send(&system, None, "{}").await)).await;
        let url = done["result_url"].as_str().unwrap_or_else(|| panic!("{done}"));
        assert!(system.send(system.http.get(url)).await.text == expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_orders_that_differ_in_a_digit_are_not_one_by_their_key() {
    let (setup, _schema) = any_order();
    let system = Setup { workers: 0, ..setup }.start().await;
    for (n, same, other) in [
        ("1", "1.0", "1.00000000000000000000001"),
        ("0.123456789012345678901234", "123456789012345678901234e-24", "0.123456789012345678901235"),
        ("18446744073709551616", "1.8446744073709551616E19", "18446744073709551617"),
        ("-0", "0.0", "-1"),
    ] {
        let first = Receipt::of(&send(&system, Some(n), &format!("{{\"n\":{n},\"m\":1}}")).await);
        let again = Receipt::of(&send(&system, Some(n), &format!("{{ \"m\":1e0, \"\\u006e\":{same}}}")).await);
        assert_eq!(first.id, again.id, "{n} {same}");
        let refused = send(&system, Some(n), &format!("{{\"n\":{other},\"m\":1}}")).await;
        assert_eq!((refused.status, refused.problem().as_str()), (422, "idempotency-key-reused"), "{n} {other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_nothing_but_exponents_is_taken() {
    let (endpoint, got) = server("1").await;
    let (setup, _schema) = any_order();
    let system = setup.with(c::PROCESSOR, "http").with(c::HTTP_URL, endpoint).start().await;
    let order = format!("{{\"n\":[{}1e15]}}", "1e15,".repeat(48 * 1024));
    let receipt = Receipt::of(&send(&system, None, &order).await);
    assert_eq!(system.done(&receipt).await["status"], "completed");
    assert!(got.lock().unwrap()[0].ends_with(&format!("\"order\":{order}}}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_receivers_would_read_differently_is_refused_at_its_pointer() {
    let (setup, _schema) = any_order();
    let system = Setup { workers: 0, ..setup }.start().await;
    for (body, pointer) in
        [(r#"{"a":{"b":[0,{"x":1,"\u0078":2}]}}"#, "/a/b/1/x"), (r#"{"options":{},"n":1,"options":{}}"#, "/options")]
    {
        let refused = send(&system, None, body).await;
        assert_eq!((refused.status, refused.problem().as_str()), (422, "invalid-order"), "{body}");
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer, "{body}");
    }
    for body in [r#"{"n":1e999}"#, r#"{"s":"\ud800"}"#] {
        let refused = send(&system, None, body).await;
        assert_eq!((refused.status, refused.problem().as_str()), (400, "invalid-json"), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_beyond_the_budget_wait_then_get_503_and_then_room() {
    let (setup, _schema) = any_order();
    let system = Setup { workers: 0, ..setup.with(c::BODY_BUDGET_BYTES, 256 * 1024) }.start().await;
    let order = format!("{{\"text\":\"{}\"}}", "x".repeat(200_000));
    // All of them fit, one after the other.
    for response in join_all((0..20).map(|_| send(&system, None, &order))).await {
        assert_eq!(response.status, 202, "{}", response.text);
    }
    // One whose body does not come keeps the room.
    let address = system.apis[0].strip_prefix("http://").unwrap();
    let mut slow = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /order HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         expect: 100-continue\r\nconnection: close\r\n\r\n",
        order.len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 25];
    slow.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100 Continue\r\n\r\n", "its bytes are reserved");
    let (refused, small) = tokio::join!(send(&system, None, &order), send(&system, None, "{}"));
    assert_eq!((refused.status, refused.problem().as_str()), (503, "overloaded"));
    assert_eq!(refused.header("retry-after"), "1");
    assert!(matches!(small.status, 202 | 503), "{}", small.text);
    slow.write_all(order.as_bytes()).await.unwrap();
    let mut response = String::new();
    tokio::time::timeout(Duration::from_secs(20), slow.read_to_string(&mut response)).await.unwrap().unwrap();
    assert!(response.starts_with("HTTP/1.1 202 Accepted"), "{response}");
    assert_eq!(send(&system, None, &order).await.status, 202, "there is room again");
}
