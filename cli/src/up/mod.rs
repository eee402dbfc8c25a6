//! `offload up`: the whole service in one process, on the embedded stack. For a laptop and for tests; what runs in
//! production are `offload-api` and `offload-worker`.

mod address;
mod announce;
mod chaos;
mod configuration;
mod secrets;

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{
    Args,
    builder::{PossibleValue, PossibleValuesParser, RangedU64ValueParser},
};
use offload_local::{Options, Service, Stack, StartError};
use offload_service::{settings, shutdown, telemetry};
use offload_stores::{CallPolicy, Connection, Endpoints, provision};
use offload_worker::processor::PROCESSORS;
use tokio::{
    net::TcpListener,
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{failure::Failure, output};
use announce::Running;
use chaos::Chaos;
use configuration::Configuration;
use secrets::Secrets;

/// The region that the stack is in. It signs for any.
const REGION: &str = "us-east-1";
/// The queue of orders.
const QUEUE: &str = "orders";
/// What the api may take to finish before the worker starts to: both fit into one grace period then.
const API_HEAD_START: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Where the api listens; port 0 takes any free one
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = address::parse)]
    api: SocketAddr,
    /// Where S3 and STS listen
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9000", value_parser = address::parse)]
    s3: SocketAddr,
    /// Where SQS listens
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:9324", value_parser = address::parse)]
    sqs: SocketAddr,
    /// Where DynamoDB listens
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8000", value_parser = address::parse)]
    dynamodb: SocketAddr,
    /// Accept addresses that other machines can reach. This is a stack for development: give it no network you do not trust
    #[arg(long)]
    allow_remote: bool,
    /// URL of the api as clients reach it [default: http:// and the address of --api]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Keep everything in this directory, keys included [default: in memory, gone at the end]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Orders that are worked on at once [default: 10]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000))]
    workers: Option<u32>,
    /// What does the work [default: demo]
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(processors()))]
    processor: Option<String>,
    /// With --processor command: program and arguments, split at white space, or a JSON array of strings
    #[arg(long, value_name = "COMMAND", allow_hyphen_values = true)]
    command: Option<String>,
    /// With --processor http: the URL that orders are POSTed to
    #[arg(long, value_name = "URL")]
    http_url: Option<String>,
    /// Duration of simulated work: 2, exp:2, or lognormal:2:0.5 (mean and coefficient of variation) [default: lognormal:2:0.5]
    #[arg(long, value_name = "DIST")]
    job_seconds: Option<String>,
    /// What is logged on standard error, as tracing directives, such as info or warn,offload_worker=debug [default: warn]
    #[arg(long, value_name = "FILTER")]
    log: Option<String>,
    /// Break things at the wire: the SPEC is like errors=0.05,lost=0.05,duplicates=0.1,latency=50ms,reorder,seed=7,s3.errors=0.2,
    /// and without one it is a mild mix. Clients that read their status from S3 meet it as the service does
    #[arg(long, value_name = "SPEC", num_args = 0..=1, default_missing_value = Chaos::MILD)]
    chaos: Option<Chaos>,
    /// Print one line of JSON when everything is ready, for scripts
    #[arg(long)]
    json: bool,
}

/// Runs the command until a signal or an error ends it.
pub(crate) async fn run(args: &UpArgs) -> Result<(), Failure> {
    address::check(&args.listeners(), args.allow_remote).map_err(Failure::Usage)?;
    // Settings first: wrong ones should leave no trace in the data directory.
    Configuration::read(args, &Secrets::fresh(), std::env::vars())?;
    let secrets = match &args.data {
        None => Secrets::fresh(),
        Some(directory) => Secrets::kept_in(directory).map_err(Failure::Refused)?,
    };
    let mut configuration = Configuration::read(args, &secrets, std::env::vars())?;
    telemetry::init(&configuration.log);
    let stop = shutdown::on_signal();

    let listener = TcpListener::bind(args.api).await.map_err(|e| cannot_listen("the api", "--api", args.api, &e))?;
    let listening = |e: io::Error| cannot_listen("the api", "--api", args.api, &e);
    configuration.api.listen = listener.local_addr().map_err(listening)?;
    let stack = Stack::start(options(args, &secrets)).await.map_err(|e| not_started(&e))?;
    match serve(args, configuration, &secrets, &stack, listener, stop).await {
        Ok(()) => {
            stack.stop().await;
            output::say("stopped");
            Ok(())
        }
        Err(e) => {
            stack.stop().await;
            Err(e)
        }
    }
}

/// Provisions, starts the worker and the api, tells so, and waits for their end.
async fn serve(
    args: &UpArgs,
    mut configuration: Configuration,
    secrets: &Secrets,
    stack: &Stack,
    listener: TcpListener,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let endpoints = endpoints(stack, secrets);
    let interactive = Connection::to(endpoints.clone(), CallPolicy::INTERACTIVE).await;
    let background = Connection::to(endpoints, CallPolicy::BACKGROUND).await;
    let provisioned = provision(&background, &configuration.store, QUEUE).await;
    let provisioned =
        provisioned.map_err(|e| Failure::Refused(format!("cannot make bucket, table and queues: {e}")))?;
    configuration.store.queue_url = provisioned.queue_url;
    configuration.store.dead_letter_queue_url = Some(provisioned.dead_letter_queue_url);
    if let Some(notifications) = &mut configuration.store.notifications {
        notifications.queue_url = provisioned.notifications_queue_url;
        notifications.dead_letter_queue_url = Some(provisioned.notifications_dead_letter_queue_url);
    }
    let Configuration { store, api, worker, eta, processor, .. } = configuration;
    let stores = |c: Connection| {
        let store = &store;
        async move { c.stores(store).await.map_err(Failure::Refused) }
    };
    let (api_stores, worker_stores) = (stores(interactive).await?, stores(background).await?);

    if args.s3.ip().is_unspecified() && store.public_s3_endpoint.is_none() {
        let variable = settings::catalogue::PUBLIC_S3_ENDPOINT.variable();
        output::say(&format!("status URLs will name {}, which is no address to call: set {variable}", args.s3.ip()));
    }
    if args.api.ip().is_unspecified() && api.public_url.is_none() {
        output::say(&format!("links will name {}, which is no address to call: set --public-url", args.api.ip()));
    }
    let running = Running {
        api: format!("http://{}", api.listen),
        endpoints: stack.endpoints(),
        store: &store,
        workers: worker.concurrency,
        work: &processor.work,
        own_schema: configuration.own_schema,
        data: args.data.as_deref(),
        chaos: args.chaos.as_ref(),
        secrets,
    };
    let told = if args.json { running.json() } else { running.text(&output::program(), output::result_paint()) };

    // Only now: bucket, table and queues are made in peace.
    if let Some(chaos) = &args.chaos {
        chaos.reign(stack);
    }
    let (api_stop, worker_stop) = (CancellationToken::new(), CancellationToken::new());
    let mut parts = JoinSet::new();
    let working = offload_worker::run(worker, eta, worker_stores, processor.processor, worker_stop.clone());
    parts.spawn(async move { ("the worker", working.await.map_err(io::Error::other)) });
    let serving = offload_api::serve(listener, api, eta, api_stores, api_stop.clone());
    parts.spawn(async move { ("the api", serving.await) });
    match output::result(&told) {
        // Whoever has read the line may well close the pipe and let the service run.
        Ok(()) | Err(Failure::Closed) => {}
        Err(e) => return Err(e),
    }

    let mut failures = Vec::new();
    tokio::select! {
        () = stop.cancelled() => output::say("stopping: what runs is finished first; a second signal ends it at once"),
        Some(ended) = parts.join_next() => failures.push(why(ended).unwrap_or_else(|part| format!("{part} has ended by itself"))),
    }
    api_stop.cancel();
    if let Ok(Some(ended)) = timeout(API_HEAD_START, parts.join_next()).await {
        failures.extend(why(ended).ok());
    }
    worker_stop.cancel();
    while let Some(ended) = parts.join_next().await {
        failures.extend(why(ended).ok());
    }
    if failures.is_empty() { Ok(()) } else { Err(Failure::Refused(failures.join("\n"))) }
}

/// Why a part of the service ended; `Err` with its name if that is no failure.
fn why(ended: Result<(&'static str, io::Result<()>), JoinError>) -> Result<String, &'static str> {
    match ended {
        Ok((part, Ok(()))) => Err(part),
        Ok((part, Err(e))) => Ok(format!("{part} has failed: {e}")),
        Err(e) => Ok(format!("a part of the service has failed: {e}")),
    }
}

fn options(args: &UpArgs, secrets: &Secrets) -> Options {
    Options {
        s3: args.s3,
        sqs: args.sqs,
        dynamodb: args.dynamodb,
        data: args.data.clone(),
        region: REGION.to_owned(),
        access_key_id: secrets.access_key_id.clone(),
        secret_access_key: secrets.secret_access_key.clone(),
        ..Options::default()
    }
}

fn endpoints(stack: &Stack, secrets: &Secrets) -> Endpoints {
    let e = stack.endpoints();
    Endpoints {
        s3: e.s3.clone(),
        sqs: e.sqs.clone(),
        dynamodb: e.dynamodb.clone(),
        region: REGION.to_owned(),
        access_key_id: secrets.access_key_id.clone(),
        secret_access_key: secrets.secret_access_key.clone(),
    }
}

fn not_started(e: &StartError) -> Failure {
    let flag = |service: &Service| match service {
        Service::S3 => "--s3",
        Service::Sqs => "--sqs",
        Service::DynamoDb => "--dynamodb",
    };
    match e {
        StartError::AddressInUse { service, address } => in_use(&service.to_string(), flag(service), *address),
        StartError::Listen { service, address, source } => {
            cannot_listen(&service.to_string(), flag(service), *address, source)
        }
        e => Failure::Refused(e.to_string()),
    }
}

fn cannot_listen(who: &str, flag: &str, address: SocketAddr, e: &io::Error) -> Failure {
    if e.kind() == io::ErrorKind::AddrInUse {
        return in_use(who, flag, address);
    }
    Failure::Refused(format!("{who} cannot listen on {address}: {e} (set another address with {flag} HOST:PORT)"))
}

fn in_use(who: &str, flag: &str, address: SocketAddr) -> Failure {
    Failure::Refused(format!(
        "{who} cannot listen on {address}: another program does. Stop that one, or set another port with {flag} PORT \
         (0 takes any free one)"
    ))
}

/// The choices of `--processor`, with what each of them is.
fn processors() -> impl Iterator<Item = PossibleValue> {
    PROCESSORS.iter().map(|entry| PossibleValue::new(entry.name).help(entry.about))
}

impl UpArgs {
    fn listeners(&self) -> [(&'static str, SocketAddr); 4] {
        [("--api", self.api), ("--s3", self.s3), ("--sqs", self.sqs), ("--dynamodb", self.dynamodb)]
    }
}
