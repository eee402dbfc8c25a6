//! One connection: its time limits, and how it ends.

use std::{convert::Infallible, pin::Pin, time::Duration};

use axum::{Router, body::Body};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{HttpService, service_fn},
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

/// The longest that the head of the first request may take.
const FIRST_HEAD_TIME: Duration = Duration::from_secs(10);
/// The longest that the head of a further request may take, counted from the answer before: hyper has one limit for an
/// idle connection and a slow head. It is above the 60 s for which load balancers keep a connection, because a
/// connection that the server closes first may take a request with it.
const NEXT_HEAD_TIME: Duration = Duration::from_secs(75);
/// The largest head.
const HEAD_MAX_BYTES: usize = 64 * 1024;
/// When the service ends, a connection that has sent nothing yet has so long to do it: browsers open some in advance.
const LAST_CHANCE: Duration = Duration::from_millis(500);

/// Serves connections, and ends them all.
pub(crate) struct Connections {
    router: Router,
    open: TaskTracker,
    stop: CancellationToken,
}

impl Connections {
    pub(crate) fn new(router: Router, stop: CancellationToken) -> Self {
        Self { router, open: TaskTracker::new(), stop }
    }

    /// Serves one connection to its end, and holds its `place` until then. It counts as open from the call on, not from the
    /// first poll.
    pub(crate) fn serve(
        &self,
        stream: TcpStream,
        place: OwnedSemaphorePermit,
    ) -> impl Future<Output = ()> + Send + use<> {
        // Answers are small: waiting to fill a packet would only delay them. A failure says that the client has gone.
        let _ = stream.set_nodelay(true);
        let (router, stop, open) = (self.router.clone(), self.stop.clone(), self.open.token());
        // Thousands of these are open at once. What a future is given and then moves, it has room for twice: so what is
        // large is made inside.
        async move {
            let begun = CancellationToken::new();
            let first = begun.clone();
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                first.cancel();
                router.clone().oneshot(request)
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(NEXT_HEAD_TIME)
                .max_buf_size(HEAD_MAX_BYTES)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            let connection = std::pin::pin!(connection);
            tokio::select! {
                () = to_its_end(connection, &stop) => {}
                () = nothing_came(FIRST_HEAD_TIME, &begun, &stop) => {}
            }
            drop((open, place));
        }
    }

    /// Waits until every connection has finished the request that it is in. They have been told by `stop`.
    pub(crate) async fn finish(self) {
        self.open.close();
        self.open.wait().await;
    }
}

type Http<S> = http1::UpgradeableConnection<TokioIo<TcpStream>, S>;

/// Serves a connection until its client has gone, or it becomes a WebSocket; after `stop` no longer than to the end of the
/// request that it is in.
async fn to_its_end<S>(mut connection: Pin<&mut Http<S>>, stop: &CancellationToken)
where
    S: HttpService<Incoming, ResBody = Body, Error = Infallible>,
{
    tokio::select! {
        // What goes wrong on a connection is its client's to know.
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

/// Ends when a connection has had its time to begin a first request, and never for one that has begun.
async fn nothing_came(time: Duration, begun: &CancellationToken, stop: &CancellationToken) {
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
    use super::*;

    #[tokio::test]
    async fn only_a_connection_without_a_request_is_cut() {
        let (short, long) = (Duration::from_millis(10), Duration::from_secs(3_600));
        let (begun, stop) = (CancellationToken::new(), CancellationToken::new());
        nothing_came(short, &begun, &stop).await;
        assert!(timeout(short, nothing_came(long, &begun, &stop)).await.is_err(), "it has its time");
        stop.cancel();
        nothing_came(long, &begun, &stop).await;
        begun.cancel();
        assert!(timeout(LAST_CHANCE * 2, nothing_came(short, &begun, &stop)).await.is_err(), "it has begun");
    }
}
