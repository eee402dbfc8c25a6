//! A socket that accepts HTTP connections, within its bounds.

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use axum::Router;
use ipnet::IpNet;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{connection::HttpConnections, peer_connections::PeerConnections};

/// Pause after an accept that failed for lack of file descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What one listener allows its clients.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionBounds {
    /// Connections at once.
    pub(crate) total: usize,
    /// Connections of one address at once; `None` for no limit.
    pub(crate) per_address: Option<u32>,
    /// Networks whose addresses have no limit of their own.
    pub(crate) unlimited: Vec<IpNet>,
    /// The longest that a client may read nothing of an answer.
    pub(crate) write_timeout: Duration,
}

/// A listener and its connections.
pub(crate) struct HttpListener {
    listener: TcpListener,
    permits: Arc<Semaphore>,
    peers: PeerConnections,
    connections: HttpConnections,
    stop: CancellationToken,
}

/// What is left of a listener that has stopped accepting: its open connections. Dropping it cuts
/// them off.
pub(crate) struct OpenConnections {
    tasks: JoinSet<()>,
    connections: HttpConnections,
}

impl HttpListener {
    pub(crate) fn new(
        listener: TcpListener,
        router: Router,
        bounds: ConnectionBounds,
        stop: CancellationToken,
    ) -> Self {
        Self {
            listener,
            permits: Arc::new(Semaphore::new(bounds.total.min(Semaphore::MAX_PERMITS))),
            peers: PeerConnections::new(bounds.per_address, bounds.unlimited),
            connections: HttpConnections::new(router, bounds.write_timeout, stop.clone()),
            stop,
        }
    }

    /// Accepts and serves connections until the service stops. From then on new clients are refused
    /// by the kernel, and go to another server.
    pub(crate) async fn accept_until_stop(self) -> OpenConnections {
        let Self { listener, permits, peers, connections, stop } = self;
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return OpenConnections { tasks, connections },
                // Removes connections that have ended, so that the set does not grow.
                Some(_) = tasks.join_next() => {}
                accepted = accept(&listener, &permits) => match accepted {
                    Ok((stream, peer, permit)) => {
                        // Dropping the stream closes the connection.
                        let Some(peer_permit) = peers.connect(peer) else { continue };
                        tasks.spawn(connections.serve(stream, peer, (permit, peer_permit)));
                    }
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

    /// Accepts and serves connections until the service stops, and then those that are open to
    /// their end.
    pub(crate) async fn serve(self) {
        let mut open = self.accept_until_stop().await;
        open.finish().await;
    }
}

impl OpenConnections {
    /// Waits until every connection has finished the request that it is in.
    pub(crate) async fn finish(&mut self) {
        self.connections.finish().await;
    }

    pub(crate) fn len(&self) -> usize {
        self.tasks.len()
    }
}

/// The next connection, when there is room for one; until then clients wait in the listener's
/// backlog.
async fn accept(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, IpAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(permits).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer.ip(), permit))
}
