//! Serves the api on its listeners, and ends without cutting off a request.

use std::{io, net::SocketAddr, sync::Arc};

use axum::Router;
use futures_util::future::BoxFuture;
use offload_service::{
    metrics,
    settings::{ApiSettings, EtaSettings, PushSettings},
};
use offload_stores::Stores;
use tokio::{
    net::TcpListener,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;

use super::listener::{ConnectionBounds, HttpListener};
use crate::{
    admin::runner,
    push::{connections::PushConnections, internal},
    router::{admin_router, router},
    service::{LONG_POLLS_MAX, Service},
};

/// Connections that may be open without a request in service: a client that is refused must still
/// get an answer.
const IDLE_MAX: usize = 4_096;
/// Connections of operators and monitoring at once.
const ADMIN_CONNECTIONS_MAX: usize = 256;
/// Connections of one of their addresses, and of one worker to the internal listener.
const OPERATORS_CONNECTIONS_MAX: u32 = 128;

/// The sockets of an api that it does not bind itself.
#[derive(Debug)]
pub struct Listeners {
    /// For clients.
    pub clients: TcpListener,
    /// For operators and monitoring, where they have a listener of their own.
    pub admin: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    fn from(clients: TcpListener) -> Self {
        Self { clients, admin: None }
    }
}

/// Serves the api on `listeners` until `stop`, then finishes what is in service within the grace
/// period of the settings. The listener for operators is bound by the settings if it is not given.
///
/// # Errors
/// If the settings cannot be used, an address is not free, or a listener has no address.
// A box, because the future of an `async fn` is compiled once more in every crate that awaits it.
pub fn serve(
    listeners: impl Into<Listeners>,
    settings: ApiSettings,
    eta: EtaSettings,
    stores: Stores,
    stop: CancellationToken,
) -> BoxFuture<'static, io::Result<()>> {
    let Listeners { clients, admin } = listeners.into();
    Box::pin(async move {
        let address = clients.local_addr()?;
        let grace = settings.shutdown_grace;
        let admin = match (admin, settings.connections.admin_listen) {
            (None, Some(address)) => Some(TcpListener::bind(address).await?),
            (admin, _) => admin,
        };
        let connections = match (&settings.push, &stores.notifications) {
            (Some(push), Some(_)) => Some(hold_push_connections(push, &settings, &stop).await?),
            _ => None,
        };
        let service = Arc::new(Service { connections, ..Service::new(settings, eta, stores, address, stop.clone())? });
        metrics::add_source(&service);
        if let Some(admin) = admin {
            // Its own accept loop and permits: clients that take all of theirs take none of these.
            tokio::spawn(
                HttpListener::new(admin, admin_router(&service)?, admin_bounds(&service), stop.clone()).serve(),
            );
        }
        if service.callers.have_roles() {
            tokio::spawn(runner::take_up(Arc::clone(&service)));
        }
        let bounds = client_bounds(&service);
        let mut open = HttpListener::new(clients, router(&service)?, bounds, stop).accept_until_stop().await;
        let end = Instant::now() + grace;
        let finish = async {
            open.finish().await;
            service.background.wait().await;
        };
        match timeout_at(end, finish).await {
            Ok(()) => tracing::info!("api stopped"),
            Err(_) => tracing::warn!(connections = open.len(), "api stopped with requests still in service"),
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

fn client_bounds(service: &Service) -> ConnectionBounds {
    let settings = &service.settings;
    let waiting = settings.push.as_ref().map_or(LONG_POLLS_MAX, |push| push.max_connections);
    ConnectionBounds {
        total: settings.max_concurrent_requests + waiting + IDLE_MAX,
        per_address: settings.connections.max_per_address,
        unlimited: settings.connections.trusted_proxies.clone(),
        write_timeout: settings.connections.write_timeout,
    }
}

fn admin_bounds(service: &Service) -> ConnectionBounds {
    ConnectionBounds {
        total: ADMIN_CONNECTIONS_MAX,
        per_address: Some(OPERATORS_CONNECTIONS_MAX),
        unlimited: Vec::new(),
        write_timeout: service.settings.connections.write_timeout,
    }
}

/// Makes room for connections that get events, and serves the routes by which the notifier reaches
/// them.
async fn hold_push_connections(
    push: &PushSettings,
    settings: &ApiSettings,
    stop: &CancellationToken,
) -> io::Result<Arc<PushConnections>> {
    let listener = TcpListener::bind(push.listen).await?;
    let address = listener.local_addr()?;
    let endpoint = match &push.url {
        Some(url) => url.as_str().trim_end_matches('/').to_owned(),
        None => format!("http://{address}"),
    };
    if push.url.is_none() && address.ip().is_unspecified() {
        tracing::warn!(%address, "workers cannot reach the address on which the api takes notifications; set OFFLOAD_INTERNAL_URL");
    }
    let connections = PushConnections::new(endpoint, push.max_connections, settings.limits.connections_without_token);
    let router = internal::router(Arc::clone(&connections), push.key.clone());
    let bounds = ConnectionBounds {
        total: push.internal_max_connections,
        per_address: Some(OPERATORS_CONNECTIONS_MAX),
        unlimited: Vec::new(),
        write_timeout: settings.connections.write_timeout,
    };
    tokio::spawn(HttpListener::new(listener, router, bounds, stop.clone()).serve());
    Ok(connections)
}
