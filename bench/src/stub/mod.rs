//! A double of S3, SQS and DynamoDB that gives right answers and does next to no work: `bench
//! stub`, and what `bench service` runs the programs against.
//!
//! Every call takes a set time, and is counted. There are no errors: conditions are taken to hold,
//! and nothing is delivered twice. For workers it keeps rows and messages.

mod calls;
mod dynamodb;
mod s3;
mod sqs;

use std::{
    collections::BTreeMap,
    convert::Infallible,
    io::Write as _,
    net::SocketAddr,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpListener,
    task::{JoinSet, yield_now},
    time::sleep_until,
};

use self::{calls::Calls, dynamodb::Table, s3::Prefixes, sqs::Queue};

/// The region and the keys that programs get for it. The session token is as long as those of
/// roles, because it goes with every request.
pub(crate) const REGION: &str = "eu-west-1";
const ACCESS_KEY_ID: &str = "ASIAIOSFODNN7EXAMPLE";
const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
const SESSION_TOKEN_BYTES: usize = 800;

/// The names of the resources.
pub(crate) const BUCKET: &str = "status";
pub(crate) const TABLE: &str = "orders";

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Address to listen on; port 0 takes any free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Time of each call, such as 5ms
    #[arg(long, default_value = "0ms", value_parser = milliseconds)]
    latency: Duration,
    /// Keep rows and messages, for workers
    #[arg(long)]
    keep: bool,
}

/// Serves until it is interrupted, and prints the calls. The first lines are the environment of a
/// program that is to call it.
pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let stub = Stub::start(args.listen).await?;
    stub.set_latency(args.latency);
    stub.keep(args.keep);
    let mut out = std::io::stdout();
    for (name, value) in stub.variables() {
        writeln!(out, "{name}={value}")?;
    }
    out.flush()?;
    tokio::signal::ctrl_c().await?;
    for (call, count) in stub.calls() {
        writeln!(out, "{call:32} {count:9}")?;
    }
    Ok(())
}

/// Milliseconds, such as `5ms`.
pub(crate) fn milliseconds(text: &str) -> Result<Duration, String> {
    let number = text.strip_suffix("ms").unwrap_or(text);
    number.parse().map(Duration::from_millis).map_err(|_| "is not a number of milliseconds such as 5ms".to_owned())
}

/// The double. It stops when it is dropped.
pub(crate) struct Stub {
    address: SocketAddr,
    state: Arc<State>,
    _server: JoinSet<()>,
}

#[derive(Default)]
struct State {
    latency_nanos: AtomicU64,
    /// Whether rows and messages are kept.
    keeps: AtomicBool,
    calls: Calls,
    prefixes: Prefixes,
    table: Table,
    queue: Queue,
}

type Answer = Response<Full<Bytes>>;

impl Stub {
    /// # Errors
    /// If the address cannot be listened on.
    pub(crate) async fn start(listen: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let (address, state) = (listener.local_addr()?, Arc::new(State::default()));
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&state)));
        Ok(Self { address, state, _server: server })
    }

    pub(crate) fn set_latency(&self, latency: Duration) {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.state.latency_nanos.store(nanos, Ordering::Relaxed);
    }

    /// Forgets all rows and messages, and keeps those to come, or does not.
    pub(crate) fn keep(&self, keeps: bool) {
        self.state.keeps.store(keeps, Ordering::Relaxed);
        self.state.table.clear();
        self.state.queue.clear();
    }

    /// The calls so far, such as `dynamodb.PutItem`, and how many of each.
    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        self.state.calls.all()
    }

    /// How many objects were put under each prefix of keys.
    pub(crate) fn objects_by_prefix(&self) -> Vec<u64> {
        self.state.prefixes.all()
    }

    /// Messages that were deleted so far.
    pub(crate) fn deleted(&self) -> u64 {
        self.state.queue.deleted()
    }

    /// Messages that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state.queue.waiting()
    }

    /// Takes away the messages that wait; whether none is in flight either.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.state.queue.is_at_rest()
    }

    /// The row and the message of an order that was kept.
    pub(crate) fn one_order(&self) -> Option<(String, String)> {
        let message = self.state.queue.first()?;
        let id = serde_json::from_str::<serde_json::Value>(&message).ok()?["id"].as_str()?.to_owned();
        Some((self.state.table.row(&id)?, message))
    }

    /// Adds orders like this one, with ids of their own.
    pub(crate) fn add_orders(&self, (row, message): &(String, String), numbers: Range<usize>) {
        let Ok(envelope) = serde_json::from_str::<serde_json::Value>(message) else { return };
        let Some(id) = envelope["id"].as_str() else { return };
        for number in numbers {
            let own = format!("{}{number:012x}", &id[..id.len() - 12]);
            self.state.table.add(&row.replace(id, &own));
            self.state.queue.add(message.replace(id, &own));
        }
    }

    /// The environment of a program that calls it.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let url = format!("http://{}", self.address);
        vec![
            ("AWS_ENDPOINT_URL", url.clone()),
            ("AWS_ENDPOINT_URL_S3", url.clone()),
            ("AWS_ENDPOINT_URL_SQS", url.clone()),
            ("AWS_ENDPOINT_URL_DYNAMODB", url.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
            ("AWS_SESSION_TOKEN", session_token()),
            ("OFFLOAD_BUCKET", BUCKET.to_owned()),
            ("OFFLOAD_TABLE", TABLE.to_owned()),
            ("OFFLOAD_QUEUE_URL", format!("{url}/000000000000/orders")),
        ]
    }
}

/// Shaped like one: base64, with what needs percent-encoding.
fn session_token() -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = (0..SESSION_TOKEN_BYTES - 2).map(|n| char::from(ALPHABET[(n * n + 7 * n) % ALPHABET.len()]));
    digits.chain("==".chars()).collect()
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        let _ = stream.set_nodelay(true);
        let state = Arc::clone(&state);
        connections.spawn(async move {
            let answer = service_fn(|request| answer(&state, request));
            // A client that goes away is no fault of the double.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
        });
    }
}

async fn answer(state: &State, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let begun = Instant::now();
    let (head, body) = request.into_parts();
    // What did not come whole is answered as if it were empty.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let answer = match head.headers.get("x-amz-target").and_then(|target| target.to_str().ok()?.split_once('.')) {
        Some(("AmazonSQS", action)) => {
            state.calls.count("sqs", action);
            sqs::answer(state, action, &body).await
        }
        Some((_, action)) => {
            state.calls.count("dynamodb", action);
            dynamodb::answer(state, action, &body)
        }
        None => s3::answer(state, &head, &body),
    };
    wait_until(begun + Duration::from_nanos(state.latency_nanos.load(Ordering::Relaxed))).await;
    Ok(answer)
}

/// The timer counts in milliseconds, and up: it would make 5 ms up to 7. So the last of them is
/// waited for awake.
async fn wait_until(end: Instant) {
    const GRAIN: Duration = Duration::from_millis(2);
    if let Some(asleep) = end.checked_sub(GRAIN).filter(|asleep| *asleep > Instant::now()) {
        sleep_until(asleep.into()).await;
    }
    while Instant::now() < end {
        yield_now().await;
    }
}

fn json(body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    let json = hyper::header::HeaderValue::from_static("application/x-amz-json-1.0");
    answer.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    answer
}

/// An error of a JSON protocol.
fn refused(kind: &str) -> Answer {
    let mut answer = json(serde_json::json!({"__type": kind, "message": kind}).to_string());
    *answer.status_mut() = hyper::StatusCode::BAD_REQUEST;
    answer
}
