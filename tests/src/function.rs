//! Lambda around a real program: its Runtime API on a port of its own, which serves invocations
//! one at a time and kills the program when one takes too long.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::TimeDelta;
use offload_service::clock;
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Mutex as AsyncMutex, mpsc, oneshot},
    task::AbortHandle,
    time::timeout,
};

use crate::{PATIENCE, Process, Role, System};

/// A request as an HTTP API of API Gateway forwards it (payload format 2.0).
#[must_use]
pub fn http_api_request(method: &str, path: &str, headers: &Value, body: Option<&str>) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
        "requestContext": {
            "accountId": "123456789012", "apiId": "api-id", "domainName": "id.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "id", "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "stage": "$default",
            "time": "12/Mar/2026:19:03:58 +0000", "timeEpoch": 1_583_348_638_390_u64,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test"},
        },
        "body": body, "isBase64Encoded": false,
    })
}

/// How an invocation ended.
#[derive(Debug, Clone, PartialEq)]
pub enum InvocationResult {
    /// The function responded.
    Response(Value),
    /// The function reported that it failed.
    Error(Value),
    /// It was killed, as its time was over before it reported anything.
    TimedOut,
}

impl InvocationResult {
    /// The response.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn response(self) -> Value {
        match self {
            Self::Response(response) => response,
            other => panic!("{other:?}"),
        }
    }
}

struct Pending {
    id: String,
    event: Value,
    time: Duration,
}

struct RuntimeApi {
    next: AsyncMutex<mpsc::Receiver<Pending>>,
    waiting: Mutex<HashMap<String, oneshot::Sender<InvocationResult>>>,
    /// Notified when the function asks for work for the first time, or could not begin.
    begun: Mutex<Option<oneshot::Sender<Result<(), Value>>>>,
}

/// A function: a real program, and Lambda's side of it.
pub struct Function {
    /// The program.
    pub process: Process,
    invoke: mpsc::Sender<Pending>,
    api: Arc<RuntimeApi>,
    server: AbortHandle,
}

impl Function {
    /// Starts a function of this system with the permissions of its role, and waits until it asks
    /// for work.
    ///
    /// # Panics
    /// If it does not.
    pub async fn start(role: Role, system: &System, settings: &[(&str, &str)]) -> Self {
        let variables = system.variables_of(role);
        let mut all: Vec<(&str, &str)> = variables.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        all.push(("OFFLOAD_LOG", "off"));
        all.extend(settings);
        Self::start_program(role.program(), &[], &all).await
    }

    /// Starts any program as a function, in this environment, and waits until it asks for work.
    ///
    /// # Panics
    /// If it does not.
    pub async fn start_program(program: &str, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let (invoke, next) = mpsc::channel(16);
        let (begun, has_begun) = oneshot::channel();
        let api = RuntimeApi { next: AsyncMutex::new(next), waiting: Mutex::default(), begun: Mutex::new(Some(begun)) };
        let api = Arc::new(api);
        let router = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next_invocation))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .route("/2018-06-01/runtime/init/error", post(init_error))
            .with_state(Arc::clone(&api));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let server =
            tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") }).abort_handle();
        // https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        let lambda = [
            ("AWS_LAMBDA_RUNTIME_API", address.as_str()),
            ("AWS_LAMBDA_FUNCTION_NAME", program),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/test"),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "test"),
        ];
        let mut process = Process::start(program, args, &[&lambda[..], variables].concat());
        process.read_away();
        let begun = timeout(PATIENCE, has_begun).await.expect("it asks for work in time");
        begun.expect("the runtime API lives").unwrap_or_else(|e| panic!("the function could not begin: {e}"));
        Self { process, invoke, api, server }
    }

    /// Invokes it with so much time; if that is over the program is killed, as Lambda does.
    ///
    /// # Panics
    /// If the runtime API is gone.
    pub async fn invoke(&mut self, event: Value, time: Duration) -> InvocationResult {
        let id = uuid::Uuid::new_v4().to_string();
        let (responded, response) = oneshot::channel();
        self.api.waiting.lock().expect("no panic").insert(id.clone(), responded);
        self.invoke.send(Pending { id, event, time }).await.expect("the runtime API lives");
        match timeout(time, response).await {
            Ok(invoked) => invoked.expect("the runtime API lives"),
            Err(_) => {
                self.process.kill();
                InvocationResult::TimedOut
            }
        }
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next_invocation(State(api): State<Arc<RuntimeApi>>) -> Response {
    if let Some(begun) = api.begun.lock().expect("no panic").take() {
        let _ = begun.send(Ok(()));
    }
    let Some(Pending { id, event, time }) = api.next.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = clock::now() + TimeDelta::from_std(time).expect("a short time");
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", deadline.timestamp_millis().to_string()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:000000000000:function:test".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=0".to_owned()),
        ("content-type", "application/json".to_owned()),
    ];
    (headers, event.to_string()).into_response()
}

fn settle(api: &RuntimeApi, id: &str, invoked: InvocationResult) -> StatusCode {
    match api.waiting.lock().expect("no panic").remove(id) {
        Some(waiting) => {
            let _ = waiting.send(invoked);
            StatusCode::ACCEPTED
        }
        None => StatusCode::BAD_REQUEST,
    }
}

fn parsed(body: &Bytes) -> Value {
    serde_json::from_slice(body).unwrap_or_else(|_| json!(String::from_utf8_lossy(body)))
}

async fn response(State(api): State<Arc<RuntimeApi>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    settle(&api, &id, InvocationResult::Response(parsed(&body)))
}

async fn error(State(api): State<Arc<RuntimeApi>>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    settle(&api, &id, InvocationResult::Error(parsed(&body)))
}

async fn init_error(State(api): State<Arc<RuntimeApi>>, body: Bytes) -> StatusCode {
    if let Some(begun) = api.begun.lock().expect("no panic").take() {
        let _ = begun.send(Err(parsed(&body)));
    }
    StatusCode::ACCEPTED
}
