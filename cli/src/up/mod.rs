//! `offload up`: the whole service in one process, on the embedded stack. For a laptop and for
//! tests; in production run `offload-api` and `offload-worker`.

mod address;
pub(crate) mod alone;
mod announce;
mod args;
mod chaos;
mod configuration;
mod secrets;
mod stack;

use std::{io, time::Duration};

use offload_api::Listeners;
use offload_local::Stack;
use offload_service::{settings, shutdown, telemetry};
use offload_stores::{CallPolicy, Connection, allow_origins, provision};
use tokio::{
    net::TcpListener,
    task::{JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{failure::Failure, output};
use announce::Running;
use configuration::Configuration;
use secrets::Secrets;
use stack::{QUEUE, cannot_listen, endpoints, not_started, options};

pub(crate) use alone::StackArgs;
pub(crate) use args::UpArgs;

/// How long the api may finish before the worker begins to, so that both fit into one grace period.
const API_HEAD_START: Duration = Duration::from_secs(1);

/// Runs the command until a signal or an error ends it.
pub(crate) async fn run(args: &UpArgs) -> Result<(), Failure> {
    address::check(&args.listeners(), args.allow_remote).map_err(Failure::Usage)?;
    let secrets = match &args.data {
        None => Secrets::fresh(),
        Some(directory) => {
            // Settings first: invalid ones should leave no trace in the data directory.
            Configuration::read(args, &Secrets::fresh(), std::env::vars_os())?;
            Secrets::kept_in(directory).map_err(Failure::Refused)?
        }
    };
    let configuration = Configuration::read(args, &secrets, std::env::vars_os())?;
    let telemetry = telemetry::init("offload", &configuration.log).map_err(Failure::Usage)?;
    let ended = serve_until_stop(args, configuration, &secrets).await;
    telemetry.shutdown().await;
    ended
}

/// Binds the sockets, starts the stack and serves until a signal or an error ends it.
async fn serve_until_stop(args: &UpArgs, mut configuration: Configuration, secrets: &Secrets) -> Result<(), Failure> {
    let stop = shutdown::on_signal();

    let listener = TcpListener::bind(args.api).await.map_err(|e| cannot_listen("the api", "--api", args.api, &e))?;
    let refused = |e: io::Error| cannot_listen("the api", "--api", args.api, &e);
    configuration.api.listen = listener.local_addr().map_err(refused)?;
    let admin = match configuration.api.connections.admin_listen {
        None => None,
        Some(address) => {
            let refused = |e: io::Error| cannot_listen("the admin API", "--admin", address, &e);
            let admin = TcpListener::bind(address).await.map_err(refused)?;
            configuration.api.connections.admin_listen = Some(admin.local_addr().map_err(refused)?);
            Some(admin)
        }
    };
    let listeners = Listeners { clients: listener, admin };
    let stack = Stack::start(options(args, secrets, &configuration)).await.map_err(|e| not_started(&e))?;
    match Box::pin(serve(args, configuration, secrets, &stack, listeners, stop)).await {
        Ok(()) => {
            stack.stop().await;
            output::message("stopped");
            Ok(())
        }
        Err(e) => {
            stack.stop().await;
            Err(e)
        }
    }
}

/// Provisions the stack, starts the worker and the api, announces them, and waits for their end.
async fn serve(
    args: &UpArgs,
    mut configuration: Configuration,
    secrets: &Secrets,
    stack: &Stack,
    listeners: Listeners,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let endpoints = endpoints(stack, secrets);
    let interactive = Connection::to(endpoints.clone(), CallPolicy::INTERACTIVE).await;
    let background = Connection::to(endpoints, CallPolicy::BACKGROUND).await;
    let provisioned = provision(&background, &configuration.store, QUEUE).await;
    let provisioned =
        provisioned.map_err(|e| Failure::Refused(format!("cannot create bucket, table and queues: {e}")))?;
    let origins = &configuration.api.cors_origins;
    let allowed = allow_origins(&background, &configuration.store, origins).await;
    allowed.map_err(|e| Failure::Refused(format!("cannot set which pages may poll the bucket: {e}")))?;
    configuration.store.queue_url = provisioned.queue_url;
    configuration.store.high_queue_url = Some(provisioned.high_queue_url);
    configuration.store.low_queue_url = Some(provisioned.low_queue_url);
    configuration.store.quiet_queue_url = Some(provisioned.quiet_queue_url);
    configuration.store.dead_letter_queue_url = Some(provisioned.dead_letter_queue_url);
    if let Some(notifications) = &mut configuration.store.notifications {
        notifications.queue_url = provisioned.notifications_queue_url;
        notifications.webhooks_queue_url = Some(provisioned.webhooks_queue_url);
        notifications.webhook_retries_queue_url = Some(provisioned.webhook_retries_queue_url);
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
        output::message(&format!("status URLs will name {}, which clients cannot reach: set {variable}", args.s3.ip()));
    }
    if args.api.ip().is_unspecified() && api.public_url.is_none() {
        output::message(&format!("links will name {}, which clients cannot reach: set --public-url", args.api.ip()));
    }
    let calls = stack.count_calls();
    let admin = api.connections.admin_listen.map(|admin| format!("http://{admin}"));
    let clients = format!("http://{}", api.listen);
    let with_console = admin.as_ref().filter(|_| api.connections.admin_listen_only).unwrap_or(&clients);
    let console = api.console.on.then(|| format!("{with_console}/"));
    let running = Running {
        console,
        api: clients,
        admin,
        loopback_webhooks: api.webhooks.as_ref().is_some_and(|policy| policy.loopback),
        endpoints: stack.endpoints(),
        calls: &calls,
        store: &store,
        workers: worker.concurrency,
        work: &processor.work,
        own_schema: configuration.own_schema,
        data: args.data.as_deref(),
        chaos: args.chaos.as_ref(),
        secrets,
    };
    let announcement =
        if args.json { running.json() } else { running.text(&output::program(), output::result_paint()) };

    // Only now: bucket, table and queues are created without faults.
    if let Some(chaos) = &args.chaos {
        chaos.apply(stack);
    }
    let (api_stop, worker_stop) = (CancellationToken::new(), CancellationToken::new());
    let mut parts = JoinSet::new();
    let working = offload_worker::run(worker, eta, worker_stores, processor.processor, worker_stop.clone());
    parts.spawn(async move { ("the worker", working.await.map_err(io::Error::other)) });
    let serving = offload_api::serve(listeners, api, eta, api_stores, api_stop.clone());
    parts.spawn(async move { ("the api", serving.await) });
    match output::result(&announcement) {
        // A script that has read the line may close the pipe and let the service run.
        Ok(()) | Err(Failure::Closed) => {}
        Err(e) => return Err(e),
    }

    let mut failures = Vec::new();
    tokio::select! {
        () = stop.cancelled() => output::message("stopping: running work is finished first; a second signal ends it at once"),
        Some(ended) = parts.join_next() => failures.push(why(ended).unwrap_or_else(|part| format!("{part} has ended unexpectedly"))),
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

/// Why a part of the service failed; `Err` with its name if it did not.
fn why(ended: Result<(&'static str, io::Result<()>), JoinError>) -> Result<String, &'static str> {
    match ended {
        Ok((part, Ok(()))) => Err(part),
        Ok((part, Err(e))) => Ok(format!("{part} has failed: {e}")),
        Err(e) => Ok(format!("a part of the service has failed: {e}")),
    }
}
