//! The loop that receives messages: never more than there are free permits, and none after it
//! should stop.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use offload_domain::backoff::Backoff;
use offload_service::clock;
use offload_stores::{Delivery, Queue, RECEIVE_MAX};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// The longest that SQS lets a receive wait: the fewest empty answers, which are billed too.
pub(crate) const LONG_POLL: Duration = Duration::from_secs(20);

/// Between receives that fail.
pub(crate) const RECEIVE_RETRY: Backoff = Backoff { base: Duration::from_millis(200), max: Duration::from_secs(5) };

/// A receive that is under way at the stop may have been given messages already: an answer that is
/// on its way arrives within this time. A receive that is dropped keeps its messages invisible
/// until their visibility ends.
pub(crate) const LAST_ANSWER: Duration = Duration::from_millis(500);

/// Receives from a queue until `stop`, and works on each message in a task of its own. Returns the
/// tasks that still run then.
pub(crate) async fn receive_until<F: Future<Output = ()> + Send + 'static>(
    queue: &Queue,
    permits: usize,
    visibility: Duration,
    stop: &CancellationToken,
    work: impl Fn(Delivery) -> F,
) -> JoinSet<()> {
    let permits = Arc::new(Semaphore::new(permits));
    let mut jobs = JoinSet::new();
    let mut failures = 0;
    while let Some(mut free) = free_permits(&permits, stop).await {
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
                    // At most as many as were requested, so there is a permit for each.
                    let (permit, job) = (free.pop(), work(delivery));
                    jobs.spawn(async move {
                        job.await;
                        drop(permit);
                    });
                }
            }
            Err(e) => {
                failures += 1;
                let wait = RECEIVE_RETRY.delay(failures, clock::unit_random());
                tracing::warn!(queue = queue.name(), error.kind = e.kind.as_str(), error.cause = %e.source,
                    retry_ms = wait.as_millis(), "cannot receive");
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = sleep(wait) => {}
                }
            }
        }
    }
    jobs
}

/// Waits for a free permit, and takes as many as one receive can use; `None` after the stop.
async fn free_permits(permits: &Arc<Semaphore>, stop: &CancellationToken) -> Option<Vec<OwnedSemaphorePermit>> {
    let first = tokio::select! {
        biased;
        () = stop.cancelled() => return None,
        permit = Arc::clone(permits).acquire_owned() => permit.ok()?,
    };
    let mut free = vec![first];
    while free.len() < RECEIVE_MAX {
        match Arc::clone(permits).try_acquire_owned() {
            Ok(permit) => free.push(permit),
            Err(_) => break,
        }
    }
    Some(free)
}

/// Gives messages back that came too late to be worked on.
pub(crate) async fn hand_back(deliveries: Vec<Delivery>) {
    let back = deliveries.into_iter().map(|delivery| delivery.retry_after(Duration::ZERO));
    for e in join_all(back).await.into_iter().filter_map(Result::err) {
        tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot give a message back");
    }
}
