//! Accepts connections, and ends without cutting anybody off.

use std::{io, sync::Arc, time::Duration};

use axum::serve::ListenerExt as _;
use offload_service::settings::{ApiSettings, EtaSettings, PushSettings};
use offload_stores::Stores;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::connection::Connections;
use crate::{
    push::{connections::Hub, internal},
    router::router,
    service::{HELD_MAX, Service},
};

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
    let hub = match (&settings.push, &stores.notifications) {
        (Some(push), Some(_)) => Some(keep_connections(push, &stop).await?),
        _ => None,
    };
    let service = Arc::new(Service { hub, ..Service::new(settings, eta, stores, address, stop.clone())? });
    let connections = Connections::new(router(&service)?, stop.clone());
    let tasks = accept_until(&stop, &listener, &service, &connections).await;
    // Whoever comes now is refused by the kernel, and goes to another server.
    drop(listener);
    let end = Instant::now() + grace;
    let finish = async {
        connections.finish().await;
        service.background.done().await;
    };
    match timeout_at(end, finish).await {
        Ok(()) => tracing::info!("api stopped"),
        Err(_) => tracing::warn!(connections = tasks.len(), "api stopped with requests still in service"),
    }
    Ok(())
}

/// Makes the hub of open connections, and lets the notifier reach it.
async fn keep_connections(push: &PushSettings, stop: &CancellationToken) -> io::Result<Arc<Hub>> {
    let listener = TcpListener::bind(push.listen).await?;
    let address = listener.local_addr()?;
    let endpoint = match &push.url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("http://{address}"),
    };
    if push.url.is_none() && address.ip().is_unspecified() {
        tracing::warn!(%address, "workers cannot reach the address on which the api takes notifications; set OFFLOAD_INTERNAL_URL");
    }
    let hub = Hub::new(endpoint, push.max_connections);
    let router = internal::router(Arc::clone(&hub), push.key.clone());
    let stop = stop.clone().cancelled_owned();
    // Events are small: waiting to fill a packet would only delay them.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    tokio::spawn(axum::serve(listener, router).with_graceful_shutdown(stop).into_future());
    Ok(hub)
}

/// The tasks of the connections that are open at the end; dropping the set cuts them off.
async fn accept_until(
    stop: &CancellationToken,
    listener: &TcpListener,
    service: &Service,
    connections: &Connections,
) -> JoinSet<()> {
    let held = service.settings.push.as_ref().map_or(HELD_MAX, |push| push.max_connections);
    let places = Arc::new(Semaphore::new(service.settings.max_concurrent_requests + held + IDLE_MAX));
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return tasks,
            // Ended connections are taken out, so that the set does not grow.
            Some(_) = tasks.join_next() => {}
            accepted = accept(listener, &places) => match accepted {
                Ok((stream, place)) => drop(tasks.spawn(connections.serve(stream, place))),
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

/// The next connection, when there is room for one; until then clients wait in the listener's backlog.
async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}
