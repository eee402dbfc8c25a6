//! Against a real server on a port of its own.

use std::net::SocketAddr;

use axum::{
    Router,
    body::Body,
    http::HeaderMap,
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use offload_domain::status::ProgressReport;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{super::testing::order_of, *};

const DEADLINE: Duration = Duration::from_secs(20);
const NDJSON: [(&str, &str); 1] = [("content-type", "application/x-ndjson")];
const PROBLEM: [(&str, &str); 1] = [("content-type", "application/problem+json; charset=utf-8")];

async fn serve(routes: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

fn processor(address: SocketAddr) -> HttpProcessor {
    HttpProcessor::new(Url::parse(&format!("http://{address}/work?key=secret")).unwrap()).unwrap()
}

async fn process(address: SocketAddr, order: &Order) -> Result<Outcome, ProcessError> {
    let (progress, _reports) = Progress::new(CancellationToken::new());
    timeout(DEADLINE, processor(address).process(order, &progress)).await.expect("it hangs")
}

/// What an endpoint that always gives this answer leads to.
async fn answer<R: IntoResponse + Clone + Send + Sync + 'static>(answer: R) -> Result<Outcome, ProcessError> {
    let address = serve(Router::new().route("/work", post(async move || answer))).await;
    process(address, &order_of(json!({"kind": "print"}))).await
}

fn code(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}

fn value(outcome: Result<Outcome, ProcessError>) -> Value {
    match outcome {
        Ok(Outcome::Value(text)) => text.map_or(Value::Null, |t| serde_json::from_str(t.as_str()).unwrap()),
        other => panic!("{other:?}"),
    }
}

fn protocol_error(outcome: Result<Outcome, ProcessError>) -> String {
    match outcome {
        Err(ProcessError::Final(problem)) if problem.slug() == "processor-protocol" => problem.detail.unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_endpoint_gets_the_order_an_idempotency_key_and_its_trace() {
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let order = Order { trace: TraceContext::read(trace, ["shop=1", "other=2"]), ..order_of(json!({"pages": 3})) };
    let echo = async |headers: HeaderMap, axum::Json(body): axum::Json<Value>| {
        let header = |name: &str| headers.get(name).map(|v| v.to_str().unwrap().to_owned());
        let trace = [header("traceparent"), header("tracestate")];
        axum::Json(json!({"body": body, "key": header("idempotency-key"), "trace": trace}))
    };
    let address = serve(Router::new().route("/work", post(echo))).await;
    let got = value(process(address, &order).await);
    let body = json!({"id": order.id, "created_at": "1970-01-01T00:00:00.000Z", "order": {"pages": 3}});
    assert_eq!(got, json!({"body": body, "key": order.id.to_string(), "trace": [trace, "shop=1,other=2"]}));
}

#[tokio::test]
async fn a_json_body_is_the_result_and_no_body_is_none() {
    assert_eq!(value(answer("[1, 2]").await), json!([1, 2]));
    assert_eq!(value(answer((code(201), axum::Json(json!({"n": 1})))).await), json!({"n": 1}));
    assert_eq!(value(answer(code(204)).await), Value::Null);
    assert_eq!(value(answer("\n").await), Value::Null);
    assert_eq!(protocol_error(answer("<html>secret").await), "the endpoint's answer is not JSON");
}

#[tokio::test]
async fn the_status_code_decides_whether_another_attempt_is_made() {
    for again in [408, 425, 429, 500, 502, 503, 504] {
        let expected = ProcessError::retryable(format!("the endpoint answered {again}"));
        assert_eq!(answer((code(again), "a secret")).await.unwrap_err(), expected);
    }
    for never in [400, 401, 404, 409, 422] {
        let expected = ProcessError::failed(format!("the endpoint answered {never}"));
        assert_eq!(answer((code(never), "a secret")).await.unwrap_err(), expected);
    }
}

#[tokio::test]
async fn an_endpoint_says_how_long_the_next_attempt_waits() {
    for (code_, value, wait) in [(503, "8", Some(8)), (429, "120", Some(120)), (500, "soon", None)] {
        let error = answer((code(code_), [("retry-after", value)], "")).await.unwrap_err();
        let ProcessError::Retryable { after, .. } = error else { panic!("{error:?}") };
        assert_eq!(after, wait.map(Duration::from_secs), "{value}");
    }
    let error = answer((code(404), [("retry-after", "8")])).await.unwrap_err();
    assert_eq!(error, ProcessError::failed("the endpoint answered 404"));
}

#[tokio::test]
async fn the_detail_of_a_problem_reaches_the_client_within_its_length() {
    let problem = |detail: &str| (code(422), PROBLEM, json!({"detail": detail}).to_string());
    assert_eq!(answer(problem("no such size")).await.unwrap_err(), ProcessError::failed("no such size"));
    let error = answer(problem(&"x".repeat(5_000))).await.unwrap_err();
    assert_eq!(error.to_string().len(), 500);
    for body in ["{}".to_owned(), "no JSON".into(), json!({"detail": "x".repeat(100_000)}).to_string()] {
        let error = answer((code(503), PROBLEM, body)).await.unwrap_err();
        assert_eq!(error, ProcessError::retryable("the endpoint answered 503"));
    }
}

#[tokio::test]
async fn json_lines_have_many_names_and_no_coding_is_decoded() {
    for media in ["application/jsonl", "application/x-ndjson; charset=utf-8", "Application/JSONLines"] {
        let lines = "{\"progress\":150}\n{\"progress\":\"most\"}\n{\"result\":1}\n";
        assert_eq!(value(answer(([("content-type", media)], lines)).await), json!(1), "{media}");
    }
    let coded = |coding| answer(([("content-encoding", coding)], "1"));
    assert_eq!(value(coded("Identity").await), json!(1));
    let error = protocol_error(coded("gzip").await);
    assert_eq!(error, "the endpoint's answer has a content coding that was not asked for");
    let echo = async |headers: HeaderMap| headers["accept-encoding"].to_str().unwrap().replace("identity", "1");
    let address = serve(Router::new().route("/work", post(echo))).await;
    assert_eq!(value(process(address, &order_of(json!({}))).await), json!(1));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let routes = Router::new()
        .route("/work", post(async || Redirect::temporary("/elsewhere")))
        .route("/elsewhere", post(async || "1").merge(get(async || "1")));
    let error = process(serve(routes).await, &order_of(json!({}))).await.unwrap_err();
    assert_eq!(error, ProcessError::failed("the endpoint answered 307, and redirects are not followed"));
}

#[tokio::test]
async fn lines_are_read_as_they_come() {
    let (lines, receiver) = mpsc::channel::<&str>(1);
    let receiver = std::sync::Arc::new(tokio::sync::Mutex::new(receiver));
    let stream = async move || {
        let lines = futures_util::stream::unfold(receiver.lock_owned().await, async |mut receiver| {
            Some((Ok::<_, std::io::Error>(receiver.recv().await?), receiver))
        });
        (NDJSON, Body::from_stream(lines))
    };
    let address = serve(Router::new().route("/work", post(stream))).await;
    let (progress, mut reports) = Progress::new(CancellationToken::new());
    let work = tokio::spawn(async move { processor(address).process(&order_of(json!({})), &progress).await });
    lines.send("{\"progress\":40,\"message\":\"prin").await.unwrap();
    lines.send("ting\"}\n").await.unwrap();
    timeout(DEADLINE, reports.changed()).await.expect("progress is not reported before the end").unwrap();
    assert_eq!(*reports.borrow(), Some(ProgressReport::new(40, Some("printing"))));
    lines.send("{\"result\":7}").await.unwrap();
    drop(lines);
    assert_eq!(value(work.await.unwrap()), json!(7));
}

#[tokio::test]
async fn lines_have_the_protocol_of_a_program() {
    for (body, error) in [
        ("{\"error\":\"no stock\"}\n", ProcessError::failed("no stock")),
        ("{\"error\":\"no stock\",\"retry\":true}\n{\"result\":1}\n", ProcessError::retryable("no stock")),
    ] {
        assert_eq!(answer((NDJSON, body)).await.unwrap_err(), error);
    }
    let detail = protocol_error(answer((NDJSON, "\nsecret\n")).await);
    assert!(
        detail.starts_with("line 2 of the endpoint's answer is not JSON") && !detail.contains("secret"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_body_of_20_megabytes_is_cut_off() {
    let large = bytes::Bytes::from(vec![b' '; 20_000_000]);
    let detail = protocol_error(answer(large.clone()).await);
    assert!(detail.starts_with("the endpoint's answer is longer than 16 MiB"), "{detail}");
    let detail = protocol_error(answer((NDJSON, large)).await);
    assert!(detail.starts_with("line 1 of the endpoint's answer is longer than 1 MiB"), "{detail}");
}

#[tokio::test]
async fn a_connection_that_breaks_is_tried_again() {
    // `None` closes at once, which resets the connection or ends it before an answer.
    let half = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"half\":";
    for answer in [None, Some("HTTP/1.1 200"), Some(half)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut connection, _)) = listener.accept().await {
                if let Some(answer) = answer {
                    connection.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        let error = process(address, &order_of(json!({}))).await.unwrap_err();
        let ProcessError::Retryable { .. } = &error else { panic!("{answer:?}: {error:?}") };
        assert!(error.to_string().starts_with("the connection to the endpoint broke"), "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn an_unreachable_endpoint_is_tried_again_and_not_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = process(address, &order_of(json!({}))).await.unwrap_err();
    assert_eq!(error, ProcessError::retryable("the endpoint cannot be reached"));
}

/// Sends when it is dropped.
struct OnDrop(mpsc::UnboundedSender<()>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[tokio::test]
async fn a_stop_ends_the_request() {
    let (arrived, mut arrival) = mpsc::channel::<()>(1);
    let (left, mut departure) = mpsc::unbounded_channel();
    let hang = async move || {
        // The server drops the handler when the connection is closed.
        let _left = OnDrop(left);
        arrived.send(()).await.unwrap();
        std::future::pending::<()>().await;
    };
    let address = serve(Router::new().route("/work", post(hang))).await;
    let stop = CancellationToken::new();
    let (progress, _reports) = Progress::new(stop.clone());
    let work = tokio::spawn(async move { processor(address).process(&order_of(json!({})), &progress).await });
    timeout(DEADLINE, arrival.recv()).await.expect("nothing arrives").unwrap();
    stop.cancel();
    assert_eq!(work.await.unwrap().unwrap_err(), ProcessError::stopped());
    timeout(DEADLINE, departure.recv()).await.expect("the request goes on").unwrap();
}

#[test]
fn a_url_is_checked_and_its_secrets_are_not_printed() {
    let new = |url: &str| HttpProcessor::new(Url::parse(url).unwrap());
    assert!(matches!(new("ftp://a/"), Err(InvalidEndpoint::Url)));
    let printed = format!("{:?}", new("https://user:secret@example.com/?key=secret").unwrap());
    assert!(printed.contains("example.com") && !printed.contains("secret"), "{printed}");
}
