//! An api and an S3 whose responses are scripted.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, Uri},
    response::{IntoResponse, Response},
};
use offload_client::{Client, Receipt, Updates};
use serde_json::{Value, json};
use tokio::net::TcpListener;

pub(crate) const ID: &str = "0198c1f0-7a2b-7c3d-8e4f-5a6b7c8d9e0f";

/// A request that the service received.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) method: Method,
    path: String,
    headers: HeaderMap,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }
}

/// A response: status, headers, body.
pub(crate) type Scripted = (u16, Vec<(&'static str, String)>, String);

/// Responses in turn; the last one of each side again and again.
#[derive(Default)]
struct Script {
    api: Mutex<VecDeque<Scripted>>,
    s3: Mutex<VecDeque<Scripted>>,
    received: Mutex<Vec<Received>>,
}

#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) base: String,
    script: Arc<Script>,
}

async fn respond(
    State(script): State<Arc<Script>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().to_owned();
    let responses = if path.starts_with("/order") { &script.api } else { &script.s3 };
    let body = String::from_utf8(body.to_vec()).unwrap();
    script.received.lock().unwrap().push(Received { method, path, headers, body });
    let (status, headers, body) = {
        let mut responses = responses.lock().unwrap();
        if responses.len() > 1 { responses.pop_front().unwrap() } else { responses.front().cloned().unwrap() }
    };
    let mut response = (StatusCode::from_u16(status).unwrap(), body).into_response();
    for (name, value) in headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

impl Service {
    pub(crate) async fn start(api: Vec<Scripted>, s3: Vec<Scripted>) -> Self {
        let script = Arc::new(Script { api: Mutex::new(api.into()), s3: Mutex::new(s3.into()), ..Script::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(respond).with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { base, script }
    }

    /// Adds a response of the api.
    pub(crate) fn script_api(&self, response: Scripted) {
        self.script.api.lock().unwrap().push_back(response);
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&self.base).unwrap()
    }

    /// A receipt of an order that is to be polled at once.
    pub(crate) fn receipt(&self) -> Receipt {
        Receipt {
            status_url: Some(self.url("/bucket/first?X-Amz-Signature=secret")),
            poll_after_ms: Some(0),
            ..Receipt::new(ID, "v1.secret")
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// The requests for paths that start with `path`.
    pub(crate) fn received(&self, path: &str) -> Vec<Received> {
        self.script.received.lock().unwrap().iter().filter(|s| s.path.starts_with(path)).cloned().collect()
    }
}

pub(crate) fn object(status: &str, revision: u64) -> Value {
    let done = !matches!(status, "pending" | "processing");
    json!({
        "id": ID, "status": status, "done": done, "revision": revision, "attempt": 0,
        "created_at": "2026-11-20T12:00:00.000Z", "updated_at": "2026-11-20T12:00:00.000Z", "poll_after_ms": 50,
        "eta": null, "result": if status == "completed" { json!({"boxes": 1}) } else { Value::Null },
        "renew": "http://api/order/x",
    })
}

/// S3's response with an object.
pub(crate) fn found(status: &str, revision: u64) -> Scripted {
    (200, vec![("etag", format!("\"{revision}\""))], object(status, revision).to_string())
}

/// S3's response with an error.
pub(crate) fn s3_error(status: u16, code: &str) -> Scripted {
    (status, vec![], format!("<Error><Code>{code}</Code></Error>"))
}

/// The api's response with an order and its fresh status URL.
pub(crate) fn view(status_url: &str, status: &str, revision: u64) -> Scripted {
    let mut view = object(status, revision);
    view["status_url"] = json!(status_url);
    view["links"] = json!({"self": "http://api/order/x"});
    (200, vec![], view.to_string())
}

/// The revisions of all updates.
pub(crate) async fn revisions(mut updates: Updates) -> Vec<u64> {
    let mut revisions = Vec::new();
    while let Some(update) = updates.next().await.unwrap() {
        revisions.push(update.status.revision);
    }
    revisions
}
