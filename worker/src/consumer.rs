//! The loop that receives messages: never more than there are free hands, and none any more once it should stop.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use offload_domain::backoff::Backoff;
use offload_service::clock;
use offload_stores::{Delivery, Queue, RECEIVE_MAX};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{Instant, sleep, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{Worker, job};

/// The longest that SQS lets a receive wait: the fewest empty answers, which are billed too.
const LONG_POLL: Duration = Duration::from_secs(20);

/// Between receives that fail.
const RECEIVE_RETRY: Backoff = Backoff { base: Duration::from_millis(200), max: Duration::from_secs(5) };

/// A receive that is under way when it is time to stop may have been given messages already: an answer that is on its way
/// arrives within this time. One that is dropped keeps its messages invisible until their visibility ends.
const LAST_ANSWER: Duration = Duration::from_millis(500);

/// Of the grace period, so much is kept for handing back what still runs: to stop the processors and to write.
fn hand_back_time(grace: Duration) -> Duration {
    (grace / 3).min(Duration::from_secs(8))
}

/// Receives and works until `stop`; then drains.
pub(crate) async fn consume(worker: Arc<Worker>, stop: CancellationToken) {
    tracing::info!(worker.name = worker.name, worker.concurrency = worker.settings.concurrency, "worker started");
    let own = Arc::clone(&worker);
    let work = move |delivery| {
        let worker = Arc::clone(&own);
        async move { job::handle(&worker, delivery).await }
    };
    let (hands, visibility) = (worker.settings.concurrency, worker.settings.visibility);
    let jobs = receive_until(&worker.stores.queue, hands, visibility, &stop, work).await;
    drain(&worker, jobs).await;
}

/// Receives from a queue until `stop`, and has each message worked on in a task of its own; what still runs then is
/// answered with.
pub(crate) async fn receive_until<F: Future<Output = ()> + Send + 'static>(
    queue: &Queue,
    hands: usize,
    visibility: Duration,
    stop: &CancellationToken,
    work: impl Fn(Delivery) -> F,
) -> JoinSet<()> {
    let hands = Arc::new(Semaphore::new(hands));
    let mut jobs = JoinSet::new();
    let mut failures = 0;
    while let Some(mut free) = free_hands(&hands, stop).await {
        // Reaps what has ended, so that the set does not grow.
        while jobs.try_join_next().is_some() {}
        let receive = queue.receive(free.len(), LONG_POLL, visibility);
        tokio::pin!(receive);
        let received = tokio::select! {
            () = stop.cancelled() => {
                if let Ok(Ok(deliveries)) = timeout(LAST_ANSWER, receive).await {
                    hand_back(deliveries).await;
                }
                break;
            }
            received = &mut receive => received,
        };
        match received {
            Ok(deliveries) => {
                failures = 0;
                for delivery in deliveries {
                    // As many as were asked for at most, so there is a hand for each.
                    let (hand, job) = (free.pop(), work(delivery));
                    jobs.spawn(async move {
                        job.await;
                        drop(hand);
                    });
                }
            }
            Err(e) => {
                failures += 1;
                let wait = RECEIVE_RETRY.delay(failures, clock::unit_random());
                tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, retry_ms = wait.as_millis(), "cannot receive");
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = sleep(wait) => {}
                }
            }
        }
    }
    jobs
}

/// Waits for a free hand, and takes as many as one receive can fill; `None` once it is time to stop.
async fn free_hands(hands: &Arc<Semaphore>, stop: &CancellationToken) -> Option<Vec<OwnedSemaphorePermit>> {
    let first = tokio::select! {
        biased;
        () = stop.cancelled() => return None,
        hand = Arc::clone(hands).acquire_owned() => hand.ok()?,
    };
    let mut free = vec![first];
    while free.len() < RECEIVE_MAX {
        match Arc::clone(hands).try_acquire_owned() {
            Ok(hand) => free.push(hand),
            Err(_) => break,
        }
    }
    Some(free)
}

/// Gives messages back that came too late to be worked on.
async fn hand_back(deliveries: Vec<Delivery>) {
    let back = deliveries.into_iter().map(|delivery| delivery.retry_after(Duration::ZERO));
    for e in join_all(back).await.into_iter().filter_map(Result::err) {
        tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot give a message back");
    }
}

/// First stage: what runs may finish. Second stage: what still runs hands its order back.
async fn drain(worker: &Worker, mut jobs: JoinSet<()>) {
    while jobs.try_join_next().is_some() {}
    let grace = worker.settings.shutdown_grace;
    tracing::info!(jobs.running = jobs.len(), grace.seconds = grace.as_secs(), "worker stops receiving");
    let end = Instant::now() + grace;
    let all = async { while jobs.join_next().await.is_some() {} };
    if timeout_at(end - hand_back_time(grace), all).await.is_err() {
        tracing::info!(jobs.running = jobs.len(), "worker hands back what still runs");
        worker.halt.cancel();
        let all = async { while jobs.join_next().await.is_some() {} };
        if timeout_at(end, all).await.is_err() {
            // Their leases run out, and other workers take over.
            tracing::warn!(jobs.running = jobs.len(), "worker ends while jobs still run");
        }
    }
    tracing::info!("worker stopped");
}
