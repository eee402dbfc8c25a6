//! The whole stack: starts every service, runs the timers, stops in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::calls::{Call, Recorder};
use crate::clock::Clock;
use crate::counters::{Counters, RequestCounts};
use crate::dynamodb::{DynamoDb, Items};
use crate::error::{PolicyError, StartError};
use crate::faults::Faults;
use crate::host_check::HostCheck;
use crate::housekeeping::Housekeeper;
use crate::identity::Identities;
use crate::listener::{CALLS_PATH, Endpoint, Shutdown};
use crate::options::{Endpoints, Options, Service};
use crate::permission::Permissions;
use crate::s3::{LifecycleRun, S3};
use crate::sqs::Sqs;
use crate::store::{Store, sessions};
use crate::sts::Sts;

/// How long requests may take to finish once the stack stops.
const DRAIN: Duration = Duration::from_secs(2);

/// A running stack. It stops when it is dropped; [`stop`](Self::stop) also waits for that.
pub struct Stack {
    endpoints: Endpoints,
    s3: Controls,
    sqs: Controls,
    dynamodb: Controls,
    recorder: Arc<Recorder>,
    pub(crate) listeners: Listeners,
    shutdown: Shutdown,
    clock: Clock,
    housekeeper: Housekeeper,
}

/// What answers on the sockets.
pub(crate) struct Listeners {
    pub(crate) s3: Arc<Endpoint<S3>>,
    pub(crate) sqs: Arc<Endpoint<Sqs>>,
    pub(crate) dynamodb: Arc<Endpoint<DynamoDb>>,
}

/// What tests control and read of a listener.
#[derive(Clone, Default)]
struct Controls {
    hosts: HostCheck,
    faults: Faults,
    counters: Arc<Counters>,
    recorder: Arc<Recorder>,
}

impl Controls {
    fn endpoint<H>(&self, handler: H, shutdown: &Shutdown) -> Arc<Endpoint<H>> {
        Arc::new(Endpoint {
            handler,
            hosts: self.hosts.clone(),
            faults: self.faults.clone(),
            counters: Arc::clone(&self.counters),
            recorder: Arc::clone(&self.recorder),
            shutdown: shutdown.clone(),
        })
    }

    /// The calls of all listeners are recorded in one order.
    fn new(recorder: &Arc<Recorder>, hosts: &HostCheck) -> Self {
        Self { recorder: Arc::clone(recorder), hosts: hosts.clone(), ..Self::default() }
    }
}

/// A socket that is bound but not served yet.
struct Bound {
    listener: TcpListener,
    url: String,
}

impl Bound {
    async fn new(service: Service, address: SocketAddr) -> Result<Self, StartError> {
        let failed = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::AddrInUse => StartError::AddressInUse { service, address },
            _ => StartError::Listen { service, address, source },
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let url = format!("http://{}", listener.local_addr().map_err(failed)?);
        Ok(Self { listener, url })
    }
}

impl Stack {
    /// Starts every service. Nothing is served unless all sockets can be bound.
    ///
    /// # Errors
    /// When an address is in use or the data directory cannot be used; the error says what to do.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let s3_socket = Bound::new(Service::S3, options.s3).await?;
        let sqs_socket = Bound::new(Service::Sqs, options.sqs).await?;
        let dynamodb_socket = Bound::new(Service::DynamoDb, options.dynamodb).await?;
        let endpoints = Endpoints {
            s3: s3_socket.url.clone(),
            sts: s3_socket.url.clone(),
            sqs: sqs_socket.url.clone(),
            dynamodb: dynamodb_socket.url.clone(),
        };
        let stack = Self::assemble(options, endpoints).await?;
        let Listeners { s3, sqs, dynamodb } = &stack.listeners;
        let tasks = &stack.shutdown.tasks;
        tasks.spawn(Arc::clone(s3).serve(s3_socket.listener));
        tasks.spawn(Arc::clone(sqs).serve(sqs_socket.listener));
        tasks.spawn(Arc::clone(dynamodb).serve(dynamodb_socket.listener));
        tasks.spawn(stack.housekeeper.clone().run(stack.shutdown.clone()));
        tasks.spawn(stack.housekeeper.clone().run_sweeps(stack.shutdown.clone()));
        Ok(stack)
    }

    /// Every service, with nobody who asks, and no timer.
    pub(crate) async fn assemble(options: Options, endpoints: Endpoints) -> Result<Self, StartError> {
        let store = Arc::new(Store::open(options.data.as_deref())?);
        let clock = Clock::default();
        let items = Items::open(options.data.as_deref(), &clock).map_err(StartError::DynamoDb)?;
        let shutdown = Shutdown::default();
        let region: Arc<str> = options.region.into();
        let corrupt = |error: rusqlite::Error| StartError::Corrupt(error.to_string());
        let known = store.run(sessions::load).await.map_err(corrupt)?;
        let identities =
            Arc::new(Identities::new(options.access_key_id, options.secret_access_key, known, clock.clone()));
        let sts = Sts {
            store: Arc::clone(&store),
            identities: Arc::clone(&identities),
            clock: clock.clone(),
            min_seconds: options.min_session_seconds,
        };
        let s3 = S3::open(Arc::clone(&store), Arc::clone(&identities), clock.clone(), Arc::clone(&region), sts)
            .await
            .map_err(StartError::Corrupt)?;
        let recorder = Arc::new(Recorder::default());
        let sqs_controls = Controls::new(&recorder, &options.hosts);
        let sqs = Sqs::new(
            Arc::clone(&store),
            Arc::clone(&identities),
            clock.clone(),
            Arc::clone(&region),
            sqs_controls.faults.clone(),
            shutdown.drain.clone(),
            shutdown.tasks.clone(),
        );
        sqs.resume().await.map_err(corrupt)?;

        let housekeeper = Housekeeper {
            store,
            identities: Arc::clone(&identities),
            clock: clock.clone(),
            lifecycles: s3.lifecycle(),
            sqs: sqs.clone(),
            items: items.clone(),
        };
        let (s3_controls, dynamodb_controls) =
            (Controls::new(&recorder, &options.hosts), Controls::new(&recorder, &options.hosts));
        let listeners = Listeners {
            s3: s3_controls.endpoint(s3, &shutdown),
            sqs: sqs_controls.endpoint(sqs, &shutdown),
            dynamodb: dynamodb_controls.endpoint(DynamoDb { items, identities, region }, &shutdown),
        };
        Ok(Self {
            endpoints,
            s3: s3_controls,
            sqs: sqs_controls,
            dynamodb: dynamodb_controls,
            recorder,
            listeners,
            shutdown,
            clock,
            housekeeper,
        })
    }

    /// Where the services listen.
    #[must_use]
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The faults of a service, settable while it runs.
    #[must_use]
    pub fn faults(&self, service: Service) -> &Faults {
        &self.controls(service).faults
    }

    /// The requests of a service since the stack started, by operation and status.
    #[must_use]
    pub fn requests(&self, service: Service) -> RequestCounts {
        self.controls(service).counters.snapshot()
    }

    /// Records calls from now on, the newest `limit` of them, and clears those recorded before.
    /// Without a call of this method, and after a limit of 0, nothing is recorded.
    pub fn record_calls(&self, limit: usize) {
        self.recorder.start(limit);
    }

    /// Counts the calls of all services from now on, by their text, and serves the counts as JSON
    /// at the URL that this returns, to clients on this machine:
    /// `{"calls":{"s3.PutObject status if-match":12,...}}`. A call is counted when it ends; one
    /// that fails is of a kind of its own, with ` failed` behind its text.
    #[must_use]
    pub fn count_calls(&self) -> String {
        self.recorder.count();
        format!("{}{CALLS_PATH}", self.endpoints.s3)
    }

    /// The recorded calls of all services, including those that still run, in the order in which
    /// they were received.
    ///
    /// ```no_run
    /// # async fn example(stack: offload_local::Stack) {
    /// use offload_local::Call;
    ///
    /// stack.record_calls(100);
    /// // Here the program under test runs.
    /// let calls = stack.calls();
    /// let received: Vec<String> = calls.iter().map(Call::to_string).collect();
    /// assert_eq!(received, ["dynamodb.PutItem order", "s3.PutObject status if-none-match", "sqs.SendMessage orders"]);
    /// assert!(calls[0].overlaps(&calls[1]) && calls[1].precedes(&calls[2]));
    /// # }
    /// ```
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.recorder.snapshot()
    }

    /// Adds a user who may do what the IAM policy (JSON) allows and nothing else, or replaces the
    /// one with this key. Every other request gets the service's `AccessDenied`. Users are not kept
    /// across restarts, not even with a data directory.
    ///
    /// # Errors
    /// If the policy cannot be read.
    pub fn add_user(&self, access_key_id: &str, secret_access_key: &str, policy: &str) -> Result<(), PolicyError> {
        let policy = awsim_iam_policy::parse(policy).map_err(|error| PolicyError(error.to_string()))?;
        self.housekeeper.identities.add_user(access_key_id.to_owned(), secret_access_key.to_owned(), policy);
        Ok(())
    }

    /// Restricts the sessions of a role that begin from now on to what the IAM policy (JSON)
    /// allows. Roles without one may do everything. Not kept across restarts.
    ///
    /// # Errors
    /// If the policy cannot be read.
    pub fn add_role(&self, name: &str, policy: &str) -> Result<(), PolicyError> {
        let policy = awsim_iam_policy::parse(policy).map_err(|error| PolicyError(error.to_string()))?;
        self.housekeeper.identities.add_role(name.to_owned(), policy);
        Ok(())
    }

    /// The permissions that a user's requests used so far, and those that they were denied. Empty
    /// for other keys.
    #[must_use]
    pub fn permissions(&self, access_key_id: &str) -> Permissions {
        self.housekeeper.identities.permissions(access_key_id)
    }

    /// How many messages of a queue were delivered since the stack started, redeliveries included.
    #[must_use]
    pub fn deliveries(&self, queue: &str) -> u64 {
        self.housekeeper.sqs.deliveries(queue)
    }

    /// Moves the stack's time forward and carries out all that is due by then: lifecycle rules,
    /// expiry of sessions, messages and delays. Signatures are still checked against the wall
    /// clock, so clients notice nothing. DynamoDB's TTL uses the stack's time only in memory; with
    /// a data directory it uses the wall clock.
    pub async fn advance_clock(&self, by: Duration) {
        self.clock.advance(by);
        self.housekeeper.sqs.clock_moved();
        self.housekeeper.tidy().await;
        self.housekeeper.sweep_items().await;
        self.housekeeper.run_lifecycle().await;
    }

    /// Runs every bucket's lifecycle rules now, as the timer does, and returns what they did.
    pub async fn run_lifecycle(&self) -> LifecycleRun {
        self.housekeeper.run_lifecycle().await
    }

    /// Stops: accepts nothing more, gives requests two seconds to finish, and closes the databases.
    pub async fn stop(self) {
        self.shutdown.drain.cancel();
        self.shutdown.tasks.close();
        if tokio::time::timeout(DRAIN, self.shutdown.tasks.wait()).await.is_err() {
            self.shutdown.abort.cancel();
            self.shutdown.tasks.wait().await;
        }
        self.housekeeper.checkpoint().await;
    }

    fn controls(&self, service: Service) -> &Controls {
        match service {
            Service::S3 => &self.s3,
            Service::Sqs => &self.sqs,
            Service::DynamoDb => &self.dynamodb,
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.shutdown.drain.cancel();
        self.shutdown.abort.cancel();
    }
}

impl std::fmt::Debug for Stack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stack").field("endpoints", &self.endpoints).finish_non_exhaustive()
    }
}
