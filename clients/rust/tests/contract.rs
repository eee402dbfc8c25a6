//! What the client does on the wire, on real sockets, against a service that answers as it is told to.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use futures_util::StreamExt;
use offload_client::{Client, Error, Receipt, Status};
use serde_json::{Value, json};
use tokio::{net::TcpListener, time::Instant};

/// One request, as it came.
#[derive(Debug, Clone)]
struct Seen {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

type Answer = (u16, Vec<(&'static str, String)>, String);

/// Answers in turn; the last answer of each kind for ever.
#[derive(Default)]
struct Script {
    api: Mutex<VecDeque<Answer>>,
    s3: Mutex<VecDeque<Answer>>,
    seen: Mutex<Vec<Seen>>,
}

#[derive(Clone)]
struct Service {
    base: String,
    script: Arc<Script>,
}

async fn serve(
    State(script): State<Arc<Script>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    let answers = if path.starts_with("/order") { &script.api } else { &script.s3 };
    let body = String::from_utf8(body.to_vec()).unwrap();
    script.seen.lock().unwrap().push(Seen { method, path, headers, body });
    let (status, headers, body) = {
        let mut answers = answers.lock().unwrap();
        if answers.len() > 1 { answers.pop_front().unwrap() } else { answers.front().cloned().unwrap() }
    };
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

impl Service {
    async fn start(api: Vec<Answer>, s3: Vec<Answer>) -> Self {
        let script = Arc::new(Script { api: Mutex::new(api.into()), s3: Mutex::new(s3.into()), ..Script::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(serve).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, script }
    }

    fn client(&self) -> Client {
        Client::new(&self.base).unwrap()
    }

    /// A receipt of an order that is to be looked at at once.
    fn receipt(&self) -> Receipt {
        Receipt {
            status_url: Some(format!("{}/bucket/first?X-Amz-Signature=secret", self.base)),
            poll_after_ms: Some(0),
            ..Receipt::named("0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f", "v1.secret")
        }
    }

    fn seen(&self, path: &str) -> Vec<Seen> {
        self.script.seen.lock().unwrap().iter().filter(|s| s.path.starts_with(path)).cloned().collect()
    }
}

/// In half a second, since 1970: the wall clock, as the service would state it.
fn since_epoch() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "the service's own clock, in a test")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap() + Duration::from_millis(500)
}

fn object(status: &str, revision: u64) -> Value {
    let done = !matches!(status, "pending" | "processing");
    json!({
        "id": "0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f", "status": status, "done": done, "revision": revision,
        "created_at": "2026-11-20T12:00:00.000Z", "updated_at": "2026-11-20T12:00:00.000Z", "poll_after_ms": 50,
        "eta": null, "result": if status == "completed" { json!({"boxes": 1}) } else { Value::Null },
    })
}

fn found(status: &str, revision: u64) -> Answer {
    (200, vec![("etag", format!("\"{revision}\""))], object(status, revision).to_string())
}

fn view(service_path: &str, status: &str, revision: u64) -> Answer {
    let mut view = object(status, revision);
    view["status_url"] = json!(service_path);
    (200, vec![], view.to_string())
}

fn refused(status: u16, code: &str) -> Answer {
    (status, vec![], format!("<Error><Code>{code}</Code></Error>"))
}

#[tokio::test]
async fn an_order_is_placed_once_however_often_it_is_sent() {
    let receipt = json!({"id": "x", "order_token": "v1.secret", "status_url": "http://s3/k", "poll_after_ms": 1_000});
    let busy = |status: u16| -> Answer { (status, vec![("retry-after", "0".to_owned())], String::new()) };
    let service =
        Service::start(vec![busy(503), busy(429), busy(409), (202, vec![], receipt.to_string())], vec![]).await;
    let placed = service.client().submit(&json!({"kind": "report", "rows": 3})).delay_seconds(5).await.unwrap();
    assert_eq!(placed.id, "x");
    let tries = service.seen("/order");
    assert_eq!(tries.len(), 4);
    let key = tries[0].header("idempotency-key");
    assert!(key.len() >= 32 && tries.iter().all(|t| t.header("idempotency-key") == key && t.body == tries[0].body));
    let sent: Value = serde_json::from_str(&tries[0].body).unwrap();
    assert_eq!(sent, json!({"kind": "report", "rows": 3, "options": {"delay_seconds": 5}}));
}

#[tokio::test]
async fn what_is_wrong_with_an_order_is_told_at_once() {
    let problem = json!({"type": "https://x/problems/invalid-order", "title": "The order is invalid", "status": 422,
        "errors": [{"pointer": "/rows", "detail": "is missing"}]});
    let service = Service::start(vec![(422, vec![], problem.to_string())], vec![]).await;
    let Err(Error::Refused(problem)) = service.client().submit(&json!({})).await else { panic!() };
    assert_eq!((problem.slug(), problem.errors[0].pointer.as_str()), ("invalid-order", "/rows"));
    assert_eq!(service.seen("/order").len(), 1);
}

#[tokio::test]
async fn looks_carry_the_validator_and_never_the_token() {
    let unchanged: Answer = (304, vec![], String::new());
    let service = Service::start(
        vec![],
        vec![found("pending", 1), unchanged.clone(), found("processing", 2), unchanged, found("completed", 3)],
    )
    .await;
    let updates: Vec<_> = service.client().follow(&service.receipt()).updates().collect().await;
    let told: Vec<(Status, u64)> = updates.into_iter().map(|u| u.unwrap()).map(|u| (u.status, u.revision)).collect();
    assert_eq!(told, [(Status::Pending, 1), (Status::Processing, 2), (Status::Completed, 3)]);
    let looks = service.seen("/bucket");
    let validators: Vec<&str> = looks.iter().map(|l| l.header("if-none-match")).collect();
    assert_eq!(validators, ["", "\"1\"", "\"1\"", "\"2\"", "\"2\""]);
    assert!(looks.iter().all(|l| l.method == Method::GET && l.header(header::AUTHORIZATION.as_str()).is_empty()));
    assert!(service.seen("/order").is_empty(), "the api answers no poll");
}

#[tokio::test]
async fn a_url_that_is_refused_is_renewed_once() {
    for (status, code) in [(403, "AccessDenied"), (400, "ExpiredToken")] {
        let service = Service::start(vec![], vec![refused(status, code), found("completed", 3)]).await;
        let fresh = format!("{}/bucket/second?X-Amz-Signature=secret", service.base);
        service.script.api.lock().unwrap().push_back(view(&fresh, "processing", 2));
        let ended = service.client().wait(&service.receipt()).await.unwrap();
        assert_eq!(ended.revision, 3);
        let renewals = service.seen("/order");
        assert_eq!((renewals.len(), renewals[0].header("authorization")), (1, "Bearer v1.secret"));
        assert_eq!(service.seen("/bucket/second").len(), 1);
    }
    let service = Service::start(vec![], vec![refused(403, "AccessDenied")]).await;
    let fresh = format!("{}/bucket/second?X-Amz-Signature=secret", service.base);
    service.script.api.lock().unwrap().push_back(view(&fresh, "processing", 2));
    let error = service.client().wait(&service.receipt()).await.unwrap_err();
    assert!(matches!(&error, Error::UrlRefused(why) if why.contains("403 AccessDenied")), "{error}");
    assert!(!format!("{error} {error:?}").contains("secret"));
    assert_eq!(service.seen("/order").len(), 1, "once");
}

#[tokio::test]
async fn a_url_that_is_known_to_have_expired_is_not_tried() {
    let service = Service::start(vec![], vec![found("completed", 3)]).await;
    let fresh = format!("{}/bucket/second", service.base);
    service.script.api.lock().unwrap().push_back(view(&fresh, "processing", 2));
    let client = service.client();
    // Good when it was given, and gone when the first look is due.
    let mut receipt = serde_json::to_value(service.receipt()).unwrap();
    receipt["poll_after_ms"] = json!(1_500);
    receipt["status_url_expires_at"] =
        json!(chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::UNIX_EPOCH + since_epoch()));
    let receipt: Receipt = serde_json::from_value(receipt).unwrap();
    client.wait(&receipt).await.unwrap();
    assert_eq!(service.seen("/bucket/first").len(), 0);
}

#[tokio::test]
async fn s3_is_asked_again_while_it_does_not_answer() {
    let service =
        Service::start(vec![], vec![refused(503, "SlowDown"), refused(500, "InternalError"), found("completed", 2)])
            .await;
    let retries = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&retries);
    let client = Client::builder().on_retry(move |r| told.lock().unwrap().push(r.reason.clone())).build(&service.base);
    client.unwrap().wait(&service.receipt()).await.unwrap();
    assert_eq!(*retries.lock().unwrap(), ["503 SlowDown", "500 InternalError"]);
}

#[tokio::test]
async fn a_wait_has_an_end_and_the_order_goes_on() {
    let service = Service::start(vec![], vec![found("processing", 2)]).await;
    let begun = Instant::now();
    let waited = service.client().follow(&service.receipt()).timeout(Duration::from_millis(300)).end().await;
    assert_eq!(waited, Err(Error::TimedOut));
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert!(service.seen("/order").is_empty(), "nobody cancels");
}

#[tokio::test]
async fn an_older_object_is_no_news() {
    let service =
        Service::start(vec![], vec![found("processing", 4), found("pending", 1), found("completed", 5)]).await;
    let updates: Vec<_> = service.client().follow(&service.receipt()).updates().collect().await;
    let revisions: Vec<u64> = updates.into_iter().map(|u| u.unwrap().revision).collect();
    assert_eq!(revisions, [4, 5]);
}

#[tokio::test]
async fn who_waits_hears_of_a_cancellation_at_once() {
    let service = Service::start(vec![], vec![found("cancelled", 2)]).await;
    let url = format!("{}/bucket/second", service.base);
    service.script.api.lock().unwrap().push_back(view(&url, "cancelled", 2));
    let client = service.client();
    // By its own schedule the first look would come in an hour.
    let receipt = Receipt { poll_after_ms: Some(3_600_000), ..service.receipt() };
    let waiting = tokio::spawn({
        let (client, receipt) = (client.clone(), receipt.clone());
        async move { client.wait(&receipt).await }
    });
    client.cancel(&receipt).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().status, Status::Cancelled);
    assert_eq!(client.wait(&receipt).await.unwrap().status, Status::Cancelled, "also who comes later");
}

#[tokio::test]
async fn a_result_is_read_whatever_its_size_and_its_url_renewed() {
    let small = Service::start(vec![], vec![found("completed", 2)]).await;
    let client = small.client();
    let ended = client.wait(&small.receipt()).await.unwrap();
    let result: Value = client.result(&small.receipt(), &ended).await.unwrap().json().await.unwrap();
    assert_eq!(result, json!({"boxes": 1}));

    let large = Service::start(vec![], vec![refused(403, "AccessDenied"), (200, vec![], "a,b".to_owned())]).await;
    let link = |name: &str| format!("{}/results/{name}", large.base);
    let mut ended = ended;
    ended.result_url = Some(link("old"));
    let mut renewed = object("completed", 2);
    (renewed["status_url"], renewed["result_url"]) = (json!(link("status")), json!(link("new")));
    large.script.api.lock().unwrap().push_back((200, vec![], renewed.to_string()));
    let body = large.client().result(&large.receipt(), &ended).await.unwrap().text().await.unwrap();
    assert_eq!((body.as_str(), large.seen("/results/new").len()), ("a,b", 1));
}

/// A stream that tells of these and then ends, as a service does after the final one or one that breaks off.
fn stream(objects: &[(&str, u64)]) -> Answer {
    let event = |(status, revision): &(&str, u64)| format!("id: {revision}\ndata: {}\n\n", object(status, *revision));
    let body: String = objects.iter().map(event).collect();
    (200, vec![("content-type", "text/event-stream".to_owned())], format!(": following\nretry: 2000\n\n{body}"))
}

fn pushing(service: &Service) -> Receipt {
    let links = json!({"self": "x", "events": format!("{}/order/x/events", service.base)});
    Receipt { links: serde_json::from_value(links).unwrap(), ..service.receipt() }
}

async fn revisions(service: &Service) -> Vec<u64> {
    let updates: Vec<_> = service.client().follow(&pushing(service)).updates().collect().await;
    updates.into_iter().map(|u| u.unwrap().revision).collect()
}

#[tokio::test]
async fn where_the_service_tells_of_changes_nobody_looks() {
    let told = stream(&[("pending", 1), ("processing", 2), ("processing", 2), ("pending", 1), ("completed", 3)]);
    let service = Service::start(vec![told], vec![]).await;
    assert_eq!(revisions(&service).await, [1, 2, 3], "and what is not newer is no news");
    assert_eq!((service.seen("/bucket").len(), service.seen("/order").len()), (0, 1));
    assert_eq!(service.seen("/order")[0].header("authorization"), "Bearer v1.secret");
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_taken_up_once_and_then_the_schedule_holds() {
    let service = Service::start(
        vec![stream(&[("pending", 1), ("processing", 2)]), stream(&[("processing", 3)])],
        vec![found("completed", 4)],
    )
    .await;
    assert_eq!(revisions(&service).await, [1, 2, 3, 4]);
    let listened = service.seen("/order");
    let after: Vec<&str> = listened.iter().map(|l| l.header("last-event-id")).collect();
    assert_eq!((after, service.seen("/bucket").len()), (vec!["", "2"], 1));
}

#[tokio::test]
async fn a_service_that_does_not_tell_after_all_is_looked_at() {
    for answer in [(501, vec![], String::new()), (200, vec![], "no stream".to_owned())] {
        let service = Service::start(vec![answer], vec![found("completed", 2)]).await;
        assert_eq!(revisions(&service).await, [2]);
        assert_eq!((service.seen("/order").len(), service.seen("/bucket").len()), (1, 1));
    }
    let service = Service::start(vec![], vec![found("completed", 2)]).await;
    let client = Client::builder().push(false).build(&service.base).unwrap();
    client.wait(&pushing(&service)).await.unwrap();
    assert!(service.seen("/order").is_empty(), "it was told not to listen");
}
