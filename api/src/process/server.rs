//! Accepts connections, and ends without cutting off a request.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, serve::ListenerExt as _};
use futures_util::future::BoxFuture;
use offload_service::settings::{ApiSettings, EtaSettings, PushSettings};
use offload_stores::Stores;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::connection::HttpConnections;
use crate::{
    push::{connections::PushConnections, internal},
    router::router,
    service::{LONG_POLLS_MAX, Service},
};

/// Connections that may be open without a request in service: a client that is refused must still
/// get an answer.
const IDLE_MAX: usize = 4_096;
/// Pause after an accept that failed for lack of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves the api on `listener` until `stop`, then finishes what is in service within the grace
/// period of the settings.
///
/// # Errors
/// If the settings cannot be used, or the listener has no address.
// A box, because the future of an `async fn` is compiled once more in every crate that awaits it.
pub fn serve(
    listener: TcpListener,
    settings: ApiSettings,
    eta: EtaSettings,
    stores: Stores,
    stop: CancellationToken,
) -> BoxFuture<'static, io::Result<()>> {
    Box::pin(async move {
        let address = listener.local_addr()?;
        let grace = settings.shutdown_grace;
        let connections = match (&settings.push, &stores.notifications) {
            (Some(push), Some(_)) => Some(hold_push_connections(push, &stop).await?),
            _ => None,
        };
        let service = Arc::new(Service { connections, ..Service::new(settings, eta, stores, address, stop.clone())? });
        let connections = HttpConnections::new(router(&service)?, stop.clone());
        let tasks = accept_until(&stop, &listener, &service, &connections).await;
        // New clients are refused by the kernel now, and go to another server.
        drop(listener);
        let end = Instant::now() + grace;
        let finish = async {
            connections.finish().await;
            service.background.wait().await;
        };
        match timeout_at(end, finish).await {
            Ok(()) => tracing::info!("api stopped"),
            Err(_) => tracing::warn!(connections = tasks.len(), "api stopped with requests still in service"),
        }
        Ok(())
    })
}

/// The api without sockets: its routes, for clients that reach it at `address`. It holds no
/// connections that get events.
///
/// # Errors
/// If the settings cannot be used.
pub fn routes(
    address: SocketAddr,
    settings: ApiSettings,
    eta: EtaSettings,
    stores: Stores,
    stop: CancellationToken,
) -> io::Result<Router> {
    router(&Arc::new(Service::new(settings, eta, stores, address, stop)?))
}

/// Makes room for connections that get events, and serves the routes by which the notifier reaches
/// them.
async fn hold_push_connections(push: &PushSettings, stop: &CancellationToken) -> io::Result<Arc<PushConnections>> {
    let listener = TcpListener::bind(push.listen).await?;
    let address = listener.local_addr()?;
    let endpoint = match &push.url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("http://{address}"),
    };
    if push.url.is_none() && address.ip().is_unspecified() {
        tracing::warn!(%address, "workers cannot reach the address on which the api takes notifications; set OFFLOAD_INTERNAL_URL");
    }
    let connections = PushConnections::new(endpoint, push.max_connections);
    let router = internal::router(Arc::clone(&connections), push.key.clone());
    let stop = stop.clone().cancelled_owned();
    // Events are small: waiting to fill a packet would only delay them.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    tokio::spawn(axum::serve(listener, router).with_graceful_shutdown(stop).into_future());
    Ok(connections)
}

/// The tasks of the connections that are open at the end; dropping the set cuts them off.
async fn accept_until(
    stop: &CancellationToken,
    listener: &TcpListener,
    service: &Service,
    connections: &HttpConnections,
) -> JoinSet<()> {
    let waiting = service.settings.push.as_ref().map_or(LONG_POLLS_MAX, |push| push.max_connections);
    let permits = Arc::new(Semaphore::new(service.settings.max_concurrent_requests + waiting + IDLE_MAX));
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return tasks,
            // Removes connections that have ended, so that the set does not grow.
            Some(_) = tasks.join_next() => {}
            accepted = accept(listener, &permits) => match accepted {
                Ok((stream, permit)) => drop(tasks.spawn(connections.serve(stream, permit))),
                // The client has gone already.
                Err(e) if matches!(e.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) => {}
                Err(e) => {
                    tracing::warn!(error = %e, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
}

/// The next connection, when there is room for one; until then clients wait in the listener's
/// backlog.
async fn accept(listener: &TcpListener, permits: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}
