//! The programs of a simulation, with settings that make it short.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use axum::Router;
use offload_service::settings::{self, Groups, Setting, StoreSettings, catalogue as c};
use offload_stores::{CallPolicy, Connection, Endpoints, Provisioned, Stores, provision};
use tokio_util::sync::CancellationToken;

use super::{host::Host, ledger::Ledger, network::Network, processor::LedgerProcessor};

/// The routes of an api server, once it is ready.
pub(super) type Routes = Arc<Mutex<Option<Router>>>;

/// What programs are started with.
#[derive(Clone)]
pub(super) struct Programs {
    pub(super) network: Network,
    pub(super) ledger: Arc<Ledger>,
    endpoints: Endpoints,
    settings: Vec<(Setting, String)>,
}

impl Programs {
    pub(super) fn new(network: Network, ledger: Arc<Ledger>, stack: &offload_local::Endpoints) -> Self {
        let settings = [
            (c::BUCKET, "offload"),
            (c::TABLE, "orders"),
            (c::AUTH, "none"),
            (c::TOKEN_SECRET, "a-secret-that-is-long-enough-for-this"),
            // Every event is sent to somebody.
            (c::EVENT_TOPIC_ARN, "arn:aws:sns:us-east-1:000000000000:events"),
            (c::NOTIFY_CONCURRENCY, "0"),
            (c::EXPECTED_JOB_SECONDS, "1"),
            (c::CONCURRENCY, "4"),
            (c::MAX_ATTEMPTS, "4"),
            (c::VISIBILITY_SECONDS, "4"),
            (c::DEFAULT_DEADLINE_SECONDS, "60"),
            (c::JOB_TIMEOUT_SECONDS, "20"),
            (c::SWEEP_SECONDS, "5"),
            (c::SWEEP_AFTER_SECONDS, "4"),
            (c::RETRY_BASE_SECONDS, "0.2"),
            (c::RETRY_MAX_SECONDS, "2"),
            (c::CANCEL_CHECK_SECONDS, "0.5"),
            (c::PROGRESS_INTERVAL_SECONDS, "0.5"),
            (c::PROCESSING_AFTER_MS, "100"),
        ];
        let settings = settings.map(|(setting, value)| (setting, value.to_owned())).into();
        let endpoints = Endpoints {
            s3: stack.s3.clone(),
            sqs: stack.sqs.clone(),
            dynamodb: stack.dynamodb.clone(),
            region: "us-east-1".to_owned(),
            access_key_id: "local".to_owned(),
            secret_access_key: "local-secret".to_owned(),
        };
        Self { network, ledger, endpoints, settings }
    }

    /// Makes the table, the bucket and the queues.
    ///
    /// # Panics
    /// If a call fails.
    pub(super) async fn provision(&self, host: &'static str) -> Provisioned {
        // There is no queue yet whose URL could be set.
        let unset = [(c::QUEUE_URL, "unset"), (c::NOTIFICATIONS_QUEUE_URL, "unset")];
        let unset = unset.map(|(setting, value)| (setting, value.to_owned()));
        let own = Self { settings: self.settings.iter().cloned().chain(unset).collect(), ..self.clone() };
        let connection = own.connection(host, CallPolicy::BACKGROUND).await;
        provision(&connection, &own.read::<StoreSettings>(), "orders").await.expect("to provision")
    }

    /// Has the programs use what was provisioned.
    pub(super) fn use_queues(&mut self, queues: Provisioned) {
        self.settings.extend([
            (c::QUEUE_URL, queues.queue_url),
            (c::HIGH_QUEUE_URL, queues.high_queue_url),
            (c::LOW_QUEUE_URL, queues.low_queue_url),
            (c::QUIET_QUEUE_URL, queues.quiet_queue_url),
            (c::DEAD_LETTER_QUEUE_URL, queues.dead_letter_queue_url),
            (c::NOTIFICATIONS_QUEUE_URL, queues.notifications_queue_url),
            (c::WEBHOOKS_QUEUE_URL, queues.webhooks_queue_url),
            (c::WEBHOOK_RETRIES_QUEUE_URL, queues.webhook_retries_queue_url),
            (c::NOTIFICATIONS_DEAD_LETTER_QUEUE_URL, queues.notifications_dead_letter_queue_url),
        ]);
    }

    /// Starts an api server.
    pub(super) fn start_api(&self, host: &mut Host, routes: &Routes) {
        *routes.lock().unwrap_or_else(PoisonError::into_inner) = None;
        host.start();
        let (own, name, routes) = (self.clone(), host.name, Arc::clone(routes));
        host.spawn(async move {
            let stores = own.stores(name, CallPolicy::INTERACTIVE).await;
            let (settings, eta) = own.read();
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
            let ready = offload_api::routes(address, settings, eta, stores, CancellationToken::new());
            *routes.lock().unwrap_or_else(PoisonError::into_inner) = Some(ready.expect("settings of an api"));
        });
    }

    /// Starts a worker.
    pub(super) fn start_worker(&self, host: &mut Host) {
        host.start();
        let (own, name) = (self.clone(), host.name);
        host.spawn(async move {
            let stores = own.stores(name, CallPolicy::BACKGROUND).await;
            let (settings, eta) = own.read();
            let processor = Arc::new(LedgerProcessor { ledger: Arc::clone(&own.ledger), host: name });
            let worker = offload_worker::run(settings, eta, stores, processor, CancellationToken::new());
            worker.await.expect("settings of a worker");
        });
    }

    /// The stores, as the programs on a host reach them.
    ///
    /// # Panics
    /// If the settings are wrong.
    pub(super) async fn stores(&self, host: &'static str, policy: CallPolicy) -> Stores {
        let connection = self.connection(host, policy).await;
        connection.stores(&self.read::<StoreSettings>()).await.expect("settings of stores")
    }

    async fn connection(&self, host: &'static str, policy: CallPolicy) -> Connection {
        Connection::through(self.network.transport(host), self.endpoints.clone(), policy).await
    }

    fn read<G: Groups>(&self) -> G {
        let values = self.settings.iter().map(|(setting, value)| (*setting, value.as_str()));
        settings::from_values(values).expect("settings of a simulation")
    }
}
