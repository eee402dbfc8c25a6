//! What all requests share.

use std::{io, net::SocketAddr, sync::Arc};

use offload_domain::id::OrderId;
use offload_service::settings::{ApiSettings, EtaSettings};
use offload_stores as aws;
use offload_stores::Stores;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    background::Background,
    eta::Estimator,
    key_locks::KeyLocks,
    metrics::Metrics,
    push::connections::Hub,
    readiness::Readiness,
    response::links::{Links, PublicUrl},
};

/// Requests that are held at once (`Prefer: wait`). They cost a connection and a read of the order table now and then.
pub(crate) const HELD_MAX: usize = 10_000;

/// Connections that are taken off their orders at once. Thousands of calls at the same time would only time out.
const LEAVING_MAX: usize = 64;

/// One api.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) settings: ApiSettings,
    pub(crate) stores: Stores,
    pub(crate) public: PublicUrl,
    pub(crate) estimator: Estimator,
    pub(crate) keys: KeyLocks,
    pub(crate) background: Background,
    /// Requests in service.
    pub(crate) places: Arc<Semaphore>,
    /// Requests held.
    pub(crate) seats: Semaphore,
    /// The connections that are told of changes, where this server keeps any.
    pub(crate) hub: Option<Arc<Hub>>,
    /// Calls by which connections that have left are taken off their orders: when a server ends, all leave at once.
    pub(crate) leaving: Semaphore,
    /// Whether requests may be held at all: a function is billed while it waits.
    pub(crate) holds: bool,
    pub(crate) metrics: Metrics,
    pub(crate) readiness: Readiness,
    /// The service ends.
    pub(crate) stop: CancellationToken,
}

impl Service {
    /// A service that clients reach at `listen`, unless the settings name another address.
    ///
    /// # Errors
    /// If the settings cannot be used.
    pub(crate) fn new(
        settings: ApiSettings,
        eta: EtaSettings,
        stores: Stores,
        listen: SocketAddr,
        stop: CancellationToken,
    ) -> io::Result<Self> {
        let public = match &settings.public_url {
            Some(url) => url.clone(),
            None => Url::parse(&format!("http://{listen}")).map_err(io::Error::other)?,
        };
        if settings.public_url.is_none() && listen.ip().is_unspecified() {
            tracing::warn!(%listen, "links name the listen address, which clients cannot reach; set OFFLOAD_PUBLIC_URL");
        }
        let (metrics, background) = (Metrics::new(), Background::new());
        Ok(Self {
            public: PublicUrl::new(&public),
            estimator: Estimator::new(eta, &stores, metrics.clone(), background.tracker()),
            keys: KeyLocks::default(),
            background,
            hub: None,
            holds: true,
            places: Arc::new(Semaphore::new(settings.max_concurrent_requests)),
            seats: Semaphore::new(HELD_MAX),
            leaving: Semaphore::new(LEAVING_MAX),
            metrics,
            readiness: Readiness::default(),
            settings,
            stores,
            stop,
        })
    }

    /// Where else to go from an order.
    pub(crate) fn links(&self, id: OrderId) -> Links {
        let links = self.public.links(id, self.hub.is_some());
        // Behind API Gateway the WebSockets are held elsewhere.
        let websocket = links.websocket.or_else(|| self.settings.websocket_url.as_ref().map(ToString::to_string));
        Links { websocket, ..links }
    }

    /// Counts and logs a failed call whose failure no caller hears of.
    pub(crate) fn note(&self, what: &'static str, error: &aws::Error) {
        self.metrics.aws_error(error);
        let (kind, operation) = (error.kind.as_str(), error.operation);
        tracing::warn!(error.kind = kind, aws.operation = operation, error.cause = %error.source, "{what}");
    }
}
