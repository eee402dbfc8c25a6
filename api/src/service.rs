//! What all requests share.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use offload_domain::{
    event::StatusEvent, group::Group, id::OrderId, lifetime, order::OrderRecord, status::StatusObject, token::Access,
};
use offload_lifecycle::{accept::TableHealth, publish};
use offload_service::{
    clock, metrics,
    settings::{ApiSettings, EtaSettings},
};
use offload_stores::{Error, Stores};
use tokio::sync::{OnceCell, Semaphore};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    admin::Admin,
    background::BackgroundTasks,
    byte_budget::ByteBudget,
    caller::Callers,
    client_address::Proxies,
    eta::Estimator,
    key_locks::KeyLocks,
    limits::Limits,
    metrics::Metrics,
    push::connections::PushConnections,
    readiness::Readiness,
    response::{
        links::{Links, PublicUrl},
        tokens::OrderTokens,
    },
    write_health::WriteHealth,
};

/// Long polls at once, where there are no events. They cost a connection and a read of the order
/// table now and then.
pub(crate) const LONG_POLLS_MAX: usize = 10_000;

/// Connections that are unsubscribed at once. Thousands of calls at the same time would only time
/// out.
const UNSUBSCRIBES_MAX: usize = 64;

/// One api.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) settings: ApiSettings,
    pub(crate) stores: Stores,
    pub(crate) public: PublicUrl,
    pub(crate) callers: Callers,
    pub(crate) estimator: Estimator,
    pub(crate) key_locks: KeyLocks,
    pub(crate) table_health: TableHealth,
    /// Set once an answer of AWS may have said the time.
    pub(crate) first_answer: OnceCell<()>,
    pub(crate) background: BackgroundTasks,
    /// For the bodies of orders in service.
    pub(crate) bodies: ByteBudget,
    /// For the trees of values on which they are validated: as much again. Who holds bytes of it
    /// waits for nothing.
    pub(crate) trees: ByteBudget,
    /// What one client and one order may take.
    pub(crate) limits: Limits,
    /// The proxies that are believed about addresses.
    pub(crate) proxies: Proxies,
    /// For requests in service.
    pub(crate) request_permits: Arc<Semaphore>,
    /// For long polls where there are no events.
    pub(crate) long_poll_permits: Semaphore,
    /// For calls that unsubscribe: when a server ends, all its connections do so at once.
    pub(crate) unsubscribe_permits: Semaphore,
    /// The connections that get events, where this server holds any.
    pub(crate) connections: Option<Arc<PushConnections>>,
    /// Whether requests may wait at all: a function is billed while they do.
    pub(crate) allows_long_polls: bool,
    pub(crate) metrics: Metrics,
    pub(crate) readiness: Readiness,
    pub(crate) write_health: WriteHealth,
    /// What this server keeps for operators.
    pub(crate) admin: Arc<Admin>,
    /// Cancelled when the service ends.
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
        let (metrics, background) = (Metrics::new(&settings.metric_labels, &stores.calls), BackgroundTasks::new());
        Ok(Self {
            public: PublicUrl::new(&public),
            callers: Callers::new(&settings.auth, &settings.console, &stores).map_err(io::Error::other)?,
            estimator: Estimator::new(eta, &stores, metrics.clone(), background.tracker()),
            key_locks: KeyLocks::default(),
            table_health: TableHealth::default(),
            first_answer: OnceCell::new(),
            background,
            bodies: ByteBudget::new(settings.body_budget_bytes),
            trees: ByteBudget::new(settings.body_budget_bytes),
            limits: Limits::new(&settings.limits),
            proxies: Proxies {
                trusted: settings.connections.trusted_proxies.clone(),
                header: settings.connections.forwarded_by,
            },
            request_permits: Arc::new(Semaphore::new(settings.max_concurrent_requests)),
            long_poll_permits: Semaphore::new(LONG_POLLS_MAX),
            unsubscribe_permits: Semaphore::new(UNSUBSCRIBES_MAX),
            connections: None,
            allows_long_polls: true,
            metrics,
            readiness: Readiness::default(),
            write_health: WriteHealth::default(),
            admin: Arc::default(),
            settings,
            stores,
            stop,
        })
    }

    /// Makes sure that the time is AWS's, for what is signed and promised by it. Costs a call if
    /// this server has had no answer yet.
    ///
    /// # Errors
    /// If the call fails: then nothing could be written either.
    pub(crate) async fn know_the_time(&self) -> Result<(), Error> {
        let ask = async || {
            if clock::time().uncertainty.is_some() {
                return Ok(());
            }
            // Any call does. There is no such order.
            self.stores.orders.get(OrderId::new(clock::now())).await.map(drop)
        };
        self.first_answer.get_or_try_init(ask).await.map(drop)
    }

    /// The tokens of an order: the full one, and one that can only read.
    pub(crate) fn tokens(&self, record: &OrderRecord) -> OrderTokens {
        let until = match self.settings.token_ttl {
            Some(ttl) => clock::now() + ttl,
            None => self.stores.orders.kept_until(record),
        };
        let sign = |access| self.settings.token_keys.sign(record.order.id, access, until);
        OrderTokens { order_token: sign(Access::Full), read_token: sign(Access::Read), token_expires_at: until }
    }

    /// The tokens of a group, which work as long as its orders are kept that have no deadline.
    pub(crate) fn tokens_of_group(&self, group: &Group) -> OrderTokens {
        let orders = &self.stores.orders;
        let ttl = self.settings.token_ttl.unwrap_or(orders.patience().default_deadline + orders.retention());
        let until = clock::now() + ttl;
        let sign = |access| self.settings.token_keys.sign(group.id, access, until);
        OrderTokens { order_token: sign(Access::Full), read_token: sign(Access::Read), token_expires_at: until }
    }

    /// The origin of status URLs, as pages may connect to it; `None` if none can be signed now.
    pub(crate) async fn status_origin(&self) -> Option<String> {
        let key = OrderId::new(clock::now()).status_key();
        let (url, _) = self.stores.presigner.get(&key, Duration::from_secs(60), clock::now()).await.ok()?;
        Some(Url::parse(&url).ok()?.origin().ascii_serialization())
    }

    /// The URLs of an order.
    pub(crate) fn links(&self, id: OrderId) -> Links {
        let links = self.public.links(id, self.connections.is_some());
        // API Gateway holds its WebSockets under a URL of its own.
        let websocket = links.websocket.or_else(|| self.settings.websocket_url.as_ref().map(ToString::to_string));
        Links { websocket, ..links }
    }

    /// The status object of an order as it is, with its labels, and with a fresh URL of its result
    /// if that is in S3.
    ///
    /// # Errors
    /// If the URL cannot be signed.
    pub(crate) async fn status_object(&self, record: &OrderRecord) -> Result<StatusObject, Error> {
        let now = clock::now();
        let ttl = lifetime::status_url_ttl(record.state.eta.as_ref(), now, &self.settings.status_url_ttl);
        publish::status_object(&self.stores, record, ttl, now).await.map(|object| record.with_labels(object))
    }

    /// The event of an order as it is.
    ///
    /// # Errors
    /// As [`Self::status_object`].
    pub(crate) async fn status_event(&self, record: &OrderRecord) -> Result<StatusEvent, Error> {
        Ok(StatusEvent::of(self.status_object(record).await?))
    }

    /// All metrics as text, as they are now.
    pub(crate) fn metrics_text(&self) -> String {
        let now = clock::now();
        self.metrics.open_connections(self.connections.as_ref().map_or(0, |connections| connections.len()));
        self.metrics.clock_offset(clock::offset());
        self.metrics.credentials_left(self.stores.presigner.credentials_end().map(|end| end - now));
        self.metrics.text()
    }

    /// Counts and logs a failed call to AWS that no caller gets as an answer.
    pub(crate) fn record_aws_error(&self, what: &'static str, error: &Error) {
        self.metrics.aws_error(error);
        let (kind, operation) = (error.kind.as_str(), error.operation);
        tracing::warn!(error.kind = kind, aws.operation = operation, error.cause = %error.source, "{what}");
    }
}

impl metrics::Source for Service {
    fn program(&self) -> &'static str {
        "offload-api"
    }

    fn text(&self) -> String {
        self.metrics_text()
    }
}
