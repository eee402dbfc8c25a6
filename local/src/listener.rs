//! One socket: accepts connections, injects faults, counts and records requests, and stops in two
//! stages.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::calls::{RecordedCall, Recorder};
use crate::clock::{self, Clock, Millis};
use crate::counters::Counters;
use crate::faults::{After, Before, Faults, Stall};
use crate::host_check::HostCheck;
use crate::sigv4;
use crate::wire::{self, Body, Handler, Peer, ServiceTime, set};

/// A connection without a complete request head for this long is closed, and so is an idle one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(60);
/// More open connections than tests and load generators use; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 8192;
/// The pause after a failed `accept`: when the process is out of file descriptors, trying again at
/// once would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);
/// Where the counted calls are.
pub(crate) const CALLS_PATH: &str = "/_calls";
/// The most that is read of the body of a request that a fault ends, for the recording of calls.
const DESCRIBED_BYTES: usize = 1024 * 1024;

/// How the listeners of one stack stop.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shutdown {
    /// Stage one: accept nothing more, finish running requests, close idle connections.
    pub(crate) drain: CancellationToken,
    /// Stage two: drop what still runs.
    pub(crate) abort: CancellationToken,
    /// Every task that must end before the store is closed.
    pub(crate) tasks: TaskTracker,
}

/// One service on one socket.
pub(crate) struct Endpoint<H> {
    pub(crate) handler: H,
    pub(crate) hosts: HostCheck,
    pub(crate) faults: Faults,
    pub(crate) counters: Arc<Counters>,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) shutdown: Shutdown,
}

/// No response: hyper closes the connection of a service that fails.
#[derive(Debug)]
struct Withheld;

impl std::fmt::Display for Withheld {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("response withheld by an injected fault")
    }
}

impl std::error::Error for Withheld {}

impl<H: Handler> Endpoint<H> {
    /// Serves until the shutdown's first stage.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener) {
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            let accepted = tokio::select! {
                () = self.shutdown.drain.cancelled() => return,
                accepted = Self::accept(&listener, &permits) => accepted,
            };
            let Some((stream, peer, permit)) = accepted else { continue };
            // Dropping the stream closes the connection.
            if self.faults.refuses_connections() {
                self.counters.refused("Connect");
                continue;
            }
            // Responses are small: waiting for more to send only delays them.
            let _ = stream.set_nodelay(true);
            let endpoint = Arc::clone(&self);
            self.shutdown.tasks.spawn(async move {
                endpoint.serve_connection(stream, peer).await;
                drop(permit);
            });
        }
    }

    async fn accept(
        listener: &TcpListener,
        permits: &Arc<Semaphore>,
    ) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
        let permit = Arc::clone(permits).acquire_owned().await.ok()?;
        match listener.accept().await {
            Ok((stream, peer)) => Some((stream, peer, permit)),
            Err(error) => {
                tracing::warn!(error = %error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                None
            }
        }
    }

    /// One connection, until the client, a fault or the shutdown ends it.
    pub(crate) async fn serve_connection(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
    ) {
        let service = service_fn(|request| Arc::clone(&self).serve_request(request, peer));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let mut draining = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(error = %error, "connection ended early");
                    }
                    return;
                }
                () = self.shutdown.drain.cancelled(), if !draining => {
                    draining = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = self.shutdown.abort.cancelled() => return,
            }
        }
    }

    /// One request, with the faults that the plan decides on.
    async fn serve_request(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Response<Body>, Withheld> {
        request.extensions_mut().insert(Peer(peer.ip()));
        let (mut head, body) = request.into_parts();
        if let Some(refusal) = self.hosts.refusal(&head) {
            return Ok(refusal);
        }
        if let Some(counts) = self.counted_calls(&head, peer) {
            return Ok(counts);
        }
        let operation = self.handler.operation(&head);
        let mut count = self.counters.begin(operation);
        let mut recorded = self.recorder.begin(|| (self.handler.describe(&head, &[]), sigv4::claimed_key(&head)));
        if let Some(recorded) = &recorded {
            head.extensions.insert(recorded.call());
        }
        let mut responded = |response: &Response<Body>| {
            let status = response.status().as_u16();
            count.responded(status);
            recorded.iter_mut().for_each(|recorded| recorded.responded(status));
        };
        let (verdict, stall) = self.faults.verdict(operation, head.uri.path());
        if verdict.skew_ms != 0 {
            head.extensions.insert(ServiceTime(Clock::wall() + verdict.skew_ms));
        }
        if !verdict.latency.is_zero() {
            tokio::time::sleep(verdict.latency).await;
        }
        if let Some(before) = verdict.before {
            if head.extensions.get::<RecordedCall>().is_some() {
                self.describe_undone(&head, body).await;
            }
            return match before {
                Before::Close => Err(Withheld),
                Before::Stall => {
                    self.stalled(stall).await;
                    Err(Withheld)
                }
                Before::Error(status) => {
                    let response = self.handler.injected_error(&head, status).await;
                    responded(&response);
                    Ok(response)
                }
            };
        }
        let late = match verdict.after {
            Some(After::Error(status)) => Some(self.handler.injected_error(&head, status).await),
            _ => None,
        };
        let response = self.handler.respond(Request::from_parts(head, body)).await;
        if !verdict.reply_latency.is_zero() {
            tokio::time::sleep(verdict.reply_latency).await;
        }
        // A late error replaces the response. A lost reply counts with the status of its work.
        let mut response = late.unwrap_or(response);
        if verdict.skew_ms != 0 {
            // hyper does not replace an existing Date.
            set(response.headers_mut(), "date", &http_date(Clock::wall() + verdict.skew_ms));
        }
        responded(&response);
        match verdict.after {
            Some(After::Lose) => Err(Withheld),
            Some(After::Hold) => {
                self.stalled(stall).await;
                Err(Withheld)
            }
            Some(After::Error(_)) | None => Ok(response),
        }
    }

    /// The counted calls as JSON, for who asks from this machine. No bucket has such a name.
    fn counted_calls(&self, head: &Parts, peer: SocketAddr) -> Option<Response<Body>> {
        let asked = head.method == Method::GET && head.uri.path() == CALLS_PATH && peer.ip().is_loopback();
        let counts = asked.then(|| self.recorder.counts()).flatten()?;
        let body = serde_json::json!({ "calls": counts }).to_string();
        let mut response = wire::response(StatusCode::OK, "application/json", body);
        set(response.headers_mut(), "cache-control", "no-store");
        Some(response)
    }

    /// Waits until the plan is replaced, or the stack stops.
    async fn stalled(&self, stall: Stall) {
        tokio::select! {
            () = stall.end() => {}
            () = self.shutdown.drain.cancelled() => {}
        }
    }

    /// Records what a request is about that its handler never gets.
    async fn describe_undone(&self, head: &Parts, body: Incoming) {
        let body = wire::collect(body, DESCRIBED_BYTES).await.unwrap_or_default();
        RecordedCall::describe(&head.extensions, || self.handler.describe(head, &body));
    }
}

/// A time in the format of HTTP.
fn http_date(at: Millis) -> String {
    clock::datetime(at).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
