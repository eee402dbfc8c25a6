//! Accepts connections, and ends without cutting anybody off.

use std::{io, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use offload_shared::{
    aws::Stores,
    settings::{ApiSettings, EtaSettings},
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    router::router,
    service::{HELD_MAX, Service},
};

/// The longest that the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The largest head.
const HEAD_MAX_BYTES: usize = 64 * 1024;
/// Connections that may stand open without a request in service: a client that is refused must still be told so.
const IDLE_MAX: usize = 4_096;
/// After an accept that failed for want of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the api on `listener` until `stop`, then finishes what is in service within the grace period of the settings.
///
/// # Errors
/// If the settings cannot be used, or the listener has no address.
pub async fn serve(
    listener: TcpListener,
    settings: ApiSettings,
    eta: EtaSettings,
    stores: Stores,
    stop: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let grace = settings.shutdown_grace;
    let service = Arc::new(Service::new(settings, eta, stores, address, stop.clone())?);
    let router = router(&service)?;
    tracing::info!(listen = %address, "api listens");

    let places = Arc::new(Semaphore::new(service.settings.max_concurrent_requests + HELD_MAX + IDLE_MAX));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
            // Ended connections are taken out, so that the set does not grow.
            Some(_) = connections.join_next() => continue,
        };
        let (stream, place) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                tracing::warn!(error = %e, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let connection = graceful.watch(connection(stream, &router));
        connections.spawn(async move {
            // What goes wrong on a connection is its client's to know.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    let end = Instant::now() + grace;
    let finish = async {
        graceful.shutdown().await;
        service.background.done().await;
    };
    match timeout_at(end, finish).await {
        Ok(()) => tracing::info!("api stopped"),
        Err(_) => tracing::warn!(connections = connections.len(), "api stopped with requests still in service"),
    }
    Ok(())
}

/// The next connection, when there is room for one; until then clients wait in the listener's backlog.
async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    // Answers are small: waiting to fill a packet would only delay them.
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

fn connection(
    stream: TcpStream,
    router: &Router,
) -> http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_MAX_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()))
}
