//! The listener for probes and metrics, which clients do not reach.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{self, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use offload_service::{clock, metrics::negotiate};
use tokio::{
    net::TcpListener,
    sync::Semaphore,
    time::{sleep, timeout},
};

use crate::context::Worker;

/// Connections at once. There are a few programs that ask, every few seconds.
const CONNECTIONS_MAX: usize = 64;
/// The longest that a connection may be open: a program that asks again connects again.
const CONNECTION_TIME: Duration = Duration::from_secs(300);
/// The longest that the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// Pause after an accept that failed for lack of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Binds the address.
///
/// # Errors
/// If the address is not free.
pub(crate) async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    tracing::info!(listen = %listener.local_addr()?, "probes and metrics are served");
    Ok(listener)
}

/// Serves probes and metrics until it is dropped.
pub(crate) async fn serve(listener: TcpListener, worker: Arc<Worker>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        // Never closed.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(e) => {
                tracing::warn!(error = %e, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let worker = Arc::clone(&worker);
        tokio::spawn(async move {
            let service = service_fn(async |request| Ok::<_, Infallible>(answer(&worker, &request).await));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIME)
                .serve_connection(TokioIo::new(stream), service);
            // What breaks off is the asker's to repeat.
            let _ = timeout(CONNECTION_TIME, connection).await;
            drop(permit);
        });
    }
}

async fn answer(worker: &Worker, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let (status, content_type, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/healthz") => {
            (StatusCode::OK, "application/json", "{\"status\":\"ok\"}".to_owned())
        }
        (&Method::GET | &Method::HEAD, "/metrics") => {
            let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
            worker.stores.presigner.renew_credentials(clock::now()).await;
            let (content_type, text) = negotiate(accept, worker.metrics_text());
            (StatusCode::OK, content_type, text)
        }
        (_, "/healthz" | "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "text/plain", "use GET\n".to_owned()),
        _ => (StatusCode::NOT_FOUND, "text/plain", "there are /healthz and /metrics\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
