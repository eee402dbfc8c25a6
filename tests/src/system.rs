//! Starts and breaks a system.

use std::{sync::Arc, time::Duration};

use offload_api::Listeners;
use offload_local::{Options, Stack};
use offload_service::settings::{
    self, ApiSettings, EtaSettings, Groups, ProcessorSettings, Setting, StoreSettings, catalogue as c,
};
use offload_stores::{CallPolicy, Connection, Endpoints, Stores, provision};
use offload_worker::processor::{self, Processor};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{Poller, Receipt, Response, Role, permissions, role::SIGNER_ROLE_ARN};

/// The token secret of every test.
pub const SECRET: &str = "a-secret-that-is-long-enough-for-tests";

/// The secret that api and workers of every test share.
pub const INTERNAL_SECRET: &str = "another-secret-that-is-long-enough-for-tests";

/// The key that signs the webhooks of every test.
pub const WEBHOOK_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

/// What a system consists of.
pub struct Setup {
    /// Settings that differ from the defaults of tests.
    pub settings: Vec<(Setting, String)>,
    /// The processor; `None` for the one that the settings name.
    pub processor: Option<Arc<dyn Processor>>,
    /// How many workers.
    pub workers: usize,
    /// How many api servers.
    pub apis: usize,
    /// Whether there is a queue of orders for each priority.
    pub lanes: bool,
    /// How long the signer role's sessions are, where it is not an hour.
    pub session: Option<Duration>,
    /// The embedded stack.
    pub stack: Options,
}

impl Default for Setup {
    fn default() -> Self {
        let (settings, stack) = (Vec::new(), Options::ephemeral());
        Self { settings, processor: None, workers: 1, apis: 1, lanes: true, session: None, stack }
    }
}

impl Setup {
    /// With one more setting.
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "callers write literals")]
    pub fn with(mut self, setting: Setting, value: impl ToString) -> Self {
        self.settings.push((setting, value.to_string()));
        self
    }

    /// With a processor.
    #[must_use]
    pub fn processor(mut self, processor: impl Processor) -> Self {
        self.processor = Some(Arc::new(processor));
        self
    }

    /// Starts it.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(self) -> System {
        Box::pin(System::start(self)).await
    }
}

struct RunningTask {
    stop: CancellationToken,
    handle: JoinHandle<()>,
}

/// A running system.
pub struct System {
    /// The embedded stack.
    pub stack: Stack,
    /// The stores with every permission, for checks that no client could make.
    pub stores: Stores,
    /// The stores with the permissions of the api.
    api_stores: Stores,
    /// The stores with the permissions of the worker.
    worker_stores: Stores,
    /// The URLs of the api servers.
    pub apis: Vec<String>,
    /// The URLs of their listeners for operators, where the settings have them.
    pub admins: Vec<String>,
    /// The HTTP client.
    pub http: reqwest::Client,
    setup: Setup,
    api_tasks: Vec<RunningTask>,
    worker_tasks: Vec<RunningTask>,
}

/// Fast enough for tests, otherwise as in production.
fn defaults() -> Vec<(Setting, String)> {
    let own = [
        (c::BUCKET, "status"),
        (c::TABLE, "orders"),
        (c::TOKEN_SECRET, SECRET),
        (c::AUTH, "none"),
        (c::LISTEN, "127.0.0.1:0"),
        (c::INTERNAL_SECRET, INTERNAL_SECRET),
        (c::WEBHOOKS, "true"),
        (c::WEBHOOK_SECRET, WEBHOOK_SECRET),
        (c::WEBHOOK_INSECURE_LOOPBACK, "true"),
        (c::PROCESSOR, "demo"),
        (c::JOB_SECONDS, "0.02"),
        (c::EXPECTED_JOB_SECONDS, "0.05"),
        (c::RETRY_BASE_SECONDS, "0.2"),
        (c::SWEEP_SECONDS, "0.3"),
        (c::SWEEP_AFTER_SECONDS, "20"),
        (c::CANCEL_CHECK_SECONDS, "0.1"),
        (c::PROGRESS_INTERVAL_SECONDS, "0.1"),
        (c::SHUTDOWN_GRACE_SECONDS, "5"),
    ];
    own.into_iter().map(|(s, v)| (s, v.to_owned())).collect()
}

impl System {
    async fn start(mut setup: Setup) -> Self {
        // Several systems start in one process; the first provider serves all.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let stack = Stack::start(setup.stack.clone()).await.expect("a stack");
        let mut settings = defaults();
        settings.append(&mut setup.settings);
        setup.settings = settings;
        let e = stack.endpoints();
        let endpoints = Endpoints {
            s3: e.s3.clone(),
            sqs: e.sqs.clone(),
            dynamodb: e.dynamodb.clone(),
            region: setup.stack.region.clone(),
            access_key_id: setup.stack.access_key_id.clone(),
            secret_access_key: setup.stack.secret_access_key.clone(),
        };
        let connection = Connection::to(endpoints.clone(), CallPolicy::BACKGROUND).await;
        setup.settings.push((c::QUEUE_URL, "not yet".to_owned()));
        setup.settings.push((c::NOTIFICATIONS_QUEUE_URL, "not yet".to_owned()));
        let provisioned = provision(&connection, &setup.read::<StoreSettings>(), "orders").await.expect("to provision");
        setup.settings.push((c::QUEUE_URL, provisioned.queue_url));
        if setup.lanes {
            setup.settings.push((c::HIGH_QUEUE_URL, provisioned.high_queue_url));
            setup.settings.push((c::LOW_QUEUE_URL, provisioned.low_queue_url));
            setup.settings.push((c::QUIET_QUEUE_URL, provisioned.quiet_queue_url));
        }
        setup.settings.push((c::DEAD_LETTER_QUEUE_URL, provisioned.dead_letter_queue_url));
        setup.settings.push((c::NOTIFICATIONS_QUEUE_URL, provisioned.notifications_queue_url));
        setup.settings.push((c::WEBHOOKS_QUEUE_URL, provisioned.webhooks_queue_url));
        setup.settings.push((c::WEBHOOK_RETRIES_QUEUE_URL, provisioned.webhook_retries_queue_url));
        let dead = provisioned.notifications_dead_letter_queue_url;
        setup.settings.push((c::NOTIFICATIONS_DEAD_LETTER_QUEUE_URL, dead));
        let settings = setup.read::<StoreSettings>();
        let stores = connection.stores(&settings).await.expect("stores");
        permissions::grant(&stack, &setup.stack.region, &settings);
        let of = async |role: Role| {
            let keys = permissions::keys(role);
            let endpoints = Endpoints { access_key_id: keys.0, secret_access_key: keys.1, ..endpoints.clone() };
            let connection = Connection::to(endpoints, CallPolicy::BACKGROUND).await;
            let connection = match setup.session {
                Some(length) => connection.with_session_length(length),
                None => connection,
            };
            connection.stores(&settings).await.expect("stores")
        };
        let (api_stores, worker_stores) = (of(Role::ApiServer).await, of(Role::Container).await);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().expect("a client");
        let (workers, apis) = (setup.workers, setup.apis);
        let (api_tasks, worker_tasks) = (Vec::new(), Vec::new());
        let (urls, admins) = (Vec::new(), Vec::new());
        let mut system =
            Self { stack, stores, api_stores, worker_stores, apis: urls, admins, http, setup, api_tasks, worker_tasks };
        for _ in 0..apis {
            system.add_api().await;
        }
        for _ in 0..workers {
            system.add_worker();
        }
        system
    }

    /// Starts one more api server.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn add_api(&mut self) {
        let url = |listener: &TcpListener| format!("http://{}", listener.local_addr().expect("an address"));
        let clients = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let stop = CancellationToken::new();
        let (settings, eta): (ApiSettings, EtaSettings) = self.setup.read();
        let admin = match settings.connections.admin_listen {
            Some(address) => Some(TcpListener::bind(address).await.expect("a port")),
            None => None,
        };
        self.apis.push(url(&clients));
        self.admins.extend(admin.as_ref().map(url));
        let listeners = Listeners { clients, admin };
        let (stores, token) = (self.api_stores.clone(), stop.clone());
        let handle = tokio::spawn(async move {
            offload_api::serve(listeners, settings, eta, stores, token).await.expect("the api serves");
        });
        self.api_tasks.push(RunningTask { stop, handle });
    }

    /// The environment of a program of this system that has the permissions of a role.
    #[must_use]
    pub fn variables_of(&self, role: Role) -> Vec<(String, String)> {
        let (id, secret) = permissions::keys(role);
        let keys = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
        let keys = keys.map(|(name, value)| (name.to_owned(), value));
        let signer = (!role.signs()).then(|| (c::SIGNER_ROLE_ARN.variable(), SIGNER_ROLE_ARN.to_owned()));
        self.variables().into_iter().chain(keys).chain(signer).collect()
    }

    /// The environment of a program of this system that may do everything.
    #[must_use]
    pub fn variables(&self) -> Vec<(String, String)> {
        let e = self.stack.endpoints();
        let keys = &self.setup.stack;
        let aws = [
            ("AWS_ENDPOINT_URL_S3", &e.s3),
            ("AWS_ENDPOINT_URL_SQS", &e.sqs),
            ("AWS_ENDPOINT_URL_DYNAMODB", &e.dynamodb),
            ("AWS_ENDPOINT_URL_STS", &e.sts),
            ("AWS_REGION", &keys.region),
            ("AWS_ACCESS_KEY_ID", &keys.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key),
        ];
        let own = self.setup.settings.iter().map(|(s, v)| (s.variable(), v.clone()));
        aws.into_iter().map(|(k, v)| (k.to_owned(), v.clone())).chain(own).collect()
    }

    /// Where this system keeps its orders.
    #[must_use]
    pub fn store_settings(&self) -> StoreSettings {
        self.setup.read::<StoreSettings>()
    }

    /// Changes a setting for what is started from now on.
    pub fn set(&mut self, setting: Setting, value: &str) {
        self.setup.settings.push((setting, value.to_owned()));
    }

    /// Starts one more worker.
    pub fn add_worker(&mut self) {
        let stop = CancellationToken::new();
        let (settings, eta) = self.setup.read();
        let processor = match &self.setup.processor {
            Some(p) => Arc::clone(p),
            None => self.setup.chosen_processor(),
        };
        let run = offload_worker::run(settings, eta, self.worker_stores.clone(), processor, stop.clone());
        let handle = tokio::spawn(async move { run.await.expect("the worker starts") });
        self.worker_tasks.push(RunningTask { stop, handle });
    }

    /// Stops the workers as SIGTERM does, and waits for them.
    ///
    /// # Panics
    /// If one panicked.
    pub async fn stop_workers(&mut self) {
        for task in &self.worker_tasks {
            task.stop.cancel();
        }
        for task in self.worker_tasks.drain(..) {
            task.handle.await.expect("the worker ends");
        }
    }

    /// Stops the api servers as SIGTERM does, and does not wait for them.
    pub fn stop_apis(&self) {
        for task in &self.api_tasks {
            task.stop.cancel();
        }
    }

    /// A request to the first api server.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.apis[0]))
    }

    /// Sends a request.
    ///
    /// # Panics
    /// If there is no response.
    pub async fn send(&self, request: RequestBuilder) -> Response {
        Response::of(request.send().await.expect("a response")).await
    }

    /// Posts a body as an order.
    pub async fn post(&self, body: &Value) -> Response {
        self.send(self.request(Method::POST, "/order").json(body)).await
    }

    /// Submits an order.
    ///
    /// # Panics
    /// If it is not accepted.
    pub async fn order(&self, body: &Value) -> Receipt {
        Receipt::of(&self.post(body).await)
    }

    /// Reads an order at the api.
    pub async fn get(&self, receipt: &Receipt) -> Response {
        self.send(self.request(Method::GET, &format!("/order/{}", receipt.id)).bearer_auth(&receipt.token)).await
    }

    /// Cancels an order at the api.
    pub async fn cancel(&self, receipt: &Receipt) -> Response {
        self.send(self.request(Method::DELETE, &format!("/order/{}", receipt.id)).bearer_auth(&receipt.token)).await
    }

    /// Polls a status URL once.
    pub async fn poll(&self, receipt: &Receipt) -> Response {
        self.send(self.http.get(&receipt.status_url)).await
    }

    /// Polls until an order has ended.
    pub async fn done(&self, receipt: &Receipt) -> Value {
        Poller::default().until_done(&self.http, &receipt.status_url).await
    }
}

impl Setup {
    fn values(&self) -> impl Iterator<Item = (Setting, &str)> {
        self.settings.iter().map(|(setting, value)| (*setting, value.as_str()))
    }

    fn read<G: Groups>(&self) -> G {
        settings::from_values(self.values()).expect("settings")
    }

    fn chosen_processor(&self) -> Arc<dyn Processor> {
        let build =
            |read: Option<ProcessorSettings>, errors: &mut settings::Errors<'_>| processor::from_settings(read, errors);
        settings::build_from::<ProcessorSettings, _>(self.values(), build).expect("settings").processor
    }
}

impl Drop for System {
    fn drop(&mut self) {
        for task in self.api_tasks.iter().chain(&self.worker_tasks) {
            task.stop.cancel();
            task.handle.abort();
        }
        permissions::record(&self.stack);
    }
}
