//! HTTP connections: their time limits, and how they end.

use std::{convert::Infallible, net::IpAddr, pin::Pin, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

use super::client_stream::ClientStream;
use crate::client_address::Peer;

/// The longest that the head of the first request may take.
const FIRST_HEAD_TIME: Duration = Duration::from_secs(10);
/// The longest that the head of a further request may take, counted from the answer before: hyper
/// has one limit for an idle connection and a slow head. It is above the 60 s for which load
/// balancers keep a connection, because a connection that the server closes first may take a
/// request with it.
const NEXT_HEAD_TIME: Duration = Duration::from_secs(75);
/// The largest head.
const HEAD_MAX_BYTES: usize = 64 * 1024;
/// How long a connection that has sent nothing yet may still begin a request when the service ends:
/// browsers open connections in advance.
const LAST_CHANCE: Duration = Duration::from_millis(500);

/// Serves connections, and ends them all.
pub(crate) struct HttpConnections {
    router: Router,
    /// The longest that a client may not read.
    write_timeout: Duration,
    open: TaskTracker,
    stop: CancellationToken,
}

impl HttpConnections {
    pub(crate) fn new(router: Router, write_timeout: Duration, stop: CancellationToken) -> Self {
        Self { router, write_timeout, open: TaskTracker::new(), stop }
    }

    /// Serves one connection to its end, and keeps its permits until then. It counts as open from
    /// the call on, not from the first poll of the future.
    pub(crate) fn serve<P: Send + 'static>(
        &self,
        stream: TcpStream,
        peer: IpAddr,
        permits: P,
    ) -> impl Future<Output = ()> + Send + use<P> {
        let stream = ClientStream::new(stream, self.write_timeout);
        let (router, stop, open) = (self.router.clone(), self.stop.clone(), self.open.token());
        // Thousands of these are open at once. A future has room twice for an argument that it
        // moves: what is large is made inside.
        async move {
            let begun = CancellationToken::new();
            let first = begun.clone();
            let backlog = stream.backlog();
            let service = service_fn(move |mut request: hyper::Request<Incoming>| {
                first.cancel();
                request.extensions_mut().insert(Peer(peer));
                let (router, backlog) = (router.clone(), Arc::clone(&backlog));
                async move {
                    // A request behind an answer that waits would make another one that waits.
                    backlog.cleared().await;
                    router.oneshot(request).await
                }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(NEXT_HEAD_TIME)
                .max_buf_size(HEAD_MAX_BYTES)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            let connection = std::pin::pin!(connection);
            tokio::select! {
                () = serve_to_its_end(connection, &stop) => {}
                () = no_request_in_time(FIRST_HEAD_TIME, &begun, &stop) => {}
            }
            drop((open, permits));
        }
    }

    /// Waits until every connection has finished the request that it is in; `stop` makes them.
    pub(crate) async fn finish(&self) {
        self.open.close();
        self.open.wait().await;
    }
}

type Http<S> = http1::UpgradeableConnection<TokioIo<ClientStream>, S>;

/// Serves a connection until its client has gone, or it becomes a WebSocket; after `stop` no longer
/// than to the end of the request that it is in.
async fn serve_to_its_end<S>(mut connection: Pin<&mut Http<S>>, stop: &CancellationToken)
where
    S: HttpService<Incoming, ResBody = Body, Error = Infallible>,
{
    tokio::select! {
        // A connection that fails is its client's concern.
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Ends when the time of a connection to send a first request is over, and never if it has sent
/// one.
async fn no_request_in_time(time: Duration, begun: &CancellationToken, stop: &CancellationToken) {
    let ending = async {
        stop.cancelled().await;
        sleep(LAST_CHANCE).await;
    };
    tokio::select! {
        biased;
        begun = timeout(time, begun.cancelled()) => if begun.is_err() { return },
        () = ending => return,
    }
    std::future::pending::<()>().await;
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn only_a_connection_without_a_request_is_cut() {
        let long = Duration::from_secs(3_600);
        let (begun, stop) = (CancellationToken::new(), CancellationToken::new());
        no_request_in_time(Duration::ZERO, &begun, &stop).await;
        let mut silent = pin!(no_request_in_time(long, &begun, &stop));
        assert!(poll!(&mut silent).is_pending(), "it has its time");
        stop.cancel();
        silent.await;
        begun.cancel();
        // Both reasons to cut it are there, and neither counts once a request has begun.
        assert!(poll!(pin!(no_request_in_time(Duration::ZERO, &begun, &stop))).is_pending());
    }
}
