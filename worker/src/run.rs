//! The worker as a program that runs until it is stopped.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use offload_service::{
    metrics,
    settings::{EtaSettings, WorkerSettings},
};
use offload_stores::Stores;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    admin_listener, consumer,
    context::{StartError, Worker},
    dead_letters,
    processor::Processor,
    sweeper, task_protection,
};

/// Works until `stop`, then lets the running jobs finish, gives back what does not within the grace
/// period, and returns.
///
/// # Errors
/// At once, if the worker cannot be started with these settings.
// A box, because the future of an `async fn` is compiled once more in every crate that awaits it.
pub fn run(
    settings: WorkerSettings,
    eta: EtaSettings,
    stores: Stores,
    processor: Arc<dyn Processor>,
    stop: CancellationToken,
) -> BoxFuture<'static, Result<(), StartError>> {
    Box::pin(async move {
        let worker = Worker::new(settings, eta, stores, processor)?;
        let admin = listen(&worker).await?;
        work(worker, admin, stop).await;
        Ok(())
    })
}

/// Binds the address for probes and metrics, if the settings name one.
///
/// # Errors
/// If the address is not free.
pub(crate) async fn listen(worker: &Worker) -> Result<Option<TcpListener>, StartError> {
    let Some(address) = worker.settings.admin_listen else { return Ok(None) };
    let bound = admin_listener::bind(address).await;
    bound.map(Some).map_err(|e| StartError::Listen(address, e.to_string()))
}

/// The same with a worker that is ready.
pub(crate) async fn work(worker: Worker, admin: Option<TcpListener>, stop: CancellationToken) {
    let worker = Arc::new(worker);
    metrics::add_source(&worker);
    let (every, rules) = (worker.settings.sweep_every, worker.sweep_rules());
    let mut background = JoinSet::new();
    background.spawn(sweeper::run(worker.stores.clone(), every, rules, worker.metrics.clone(), stop.clone()));
    if let Some(queue) = worker.stores.dead_letters.clone() {
        background.spawn(dead_letters::consume(Arc::clone(&worker), queue, stop.clone()));
    }
    let (reporting, reporting_stop) = (Arc::clone(&worker), stop.clone());
    background.spawn(async move { reporting.reporter.run(&reporting.stores.orders, &reporting_stop).await });
    // Through the drain, too: ECS kills a task whose time is over.
    background.spawn(task_protection::keep(Arc::clone(&worker.work), worker.settings.shutdown_grace));
    // To the very end: what happens during the drain is worth seeing.
    if let Some(admin) = admin {
        background.spawn(admin_listener::serve(admin, Arc::clone(&worker)));
    }
    // Stopped last: the events of the orders that end during the drain are delivered too, as far as
    // there is time.
    let notifier_stop = CancellationToken::new();
    let notifier = worker.notifier.clone().map(|notifier| tokio::spawn(notifier.run(notifier_stop.clone())));
    consumer::consume(worker, stop).await;
    notifier_stop.cancel();
    // They stop when the consumer does, and hold nothing that must be finished.
    background.shutdown().await;
    if let Some(notifier) = notifier
        && let Err(e) = notifier.await
    {
        tracing::error!(error = %e, "the notifier has failed");
    }
}
