//! A batch of orders, worked on within one invocation.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_lambda_events::sqs::SqsMessage;
use lambda_runtime::Context;
use offload_service::clock;
use offload_stores::Queue;
use tokio::{
    sync::Semaphore,
    task::{self, JoinError, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{
    message::{delivered, message_id},
    time,
};
use crate::{context::Worker, job};

/// Works on a batch of a queue. Returns the messages that must come again.
pub(super) async fn work(worker: &Worker, queue: &Queue, messages: Vec<SqsMessage>, context: &Context) -> Vec<String> {
    let left = time::left(context.deadline, clock::now());
    let working = left.saturating_sub(time::margin(left));
    let worker = Arc::new(Worker { halt: CancellationToken::new(), time: Some(working), ..worker.clone() });
    let permits = Arc::new(Semaphore::new(worker.settings.concurrency));
    let mut jobs = JoinSet::new();
    let mut ids = HashMap::new();
    for message in messages {
        let id = message_id(&message);
        let job = jobs.spawn(work_on(Arc::clone(&worker), queue.clone(), Arc::clone(&permits), message));
        ids.insert(job.id(), id);
    }
    let mut failed = Vec::new();
    let halt = sleep(working);
    tokio::pin!(halt);
    loop {
        tokio::select! {
            ended = jobs.join_next_with_id() => match ended {
                Some(ended) => failed.extend(comes_again(ended, &ids)),
                None => break,
            },
            () = &mut halt, if !worker.halt.is_cancelled() => {
                tracing::info!(jobs.running = jobs.len(), "the function's time is over: what still runs is handed back");
                worker.halt.cancel();
            }
        }
    }
    worker.reporter.report_if_due(&worker.stores.orders).await;
    failed
}

/// Works on one message. Returns its id if it must come again.
async fn work_on(worker: Arc<Worker>, queue: Queue, permits: Arc<Semaphore>, message: SqsMessage) -> Option<String> {
    let id = message_id(&message);
    let Some(message) = delivered(message) else { return Some(id) };
    let (delivery, outcome) = queue.delivery(message);
    let permit = tokio::select! {
        biased;
        // No more work is started: it goes to a function that has time.
        () = worker.halt.cancelled() => None,
        permit = permits.acquire() => permit.ok(),
    };
    if permit.is_none() || worker.halt.is_cancelled() {
        let _ = delivery.retry_after(Duration::ZERO).await;
    } else {
        job::handle(&worker, delivery).await;
    }
    if outcome.is_complete().await { None } else { Some(id) }
}

/// The message that must come again after its job `ended`.
fn comes_again(
    ended: Result<(task::Id, Option<String>), JoinError>,
    ids: &HashMap<task::Id, String>,
) -> Option<String> {
    match ended {
        Ok((_, id)) => id,
        Err(e) => {
            // A panic outside of a processor: its writes are not known, and its delivery was
            // dropped unsettled. If its message were not reported, Lambda would delete it.
            let id = ids.get(&e.id()).cloned().unwrap_or_default();
            tracing::error!(message.id = id, error = %e, "a job has failed");
            Some(id)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_message_of_a_job_that_panicked_comes_again_and_no_other() {
        let mut jobs = JoinSet::new();
        let mut ids = HashMap::new();
        for id in ["done", "panicked", "given back"] {
            let job = jobs.spawn(async move {
                assert_ne!(id, "panicked");
                (id == "given back").then(|| id.to_owned())
            });
            ids.insert(job.id(), id.to_owned());
        }
        let mut failed = Vec::new();
        while let Some(ended) = jobs.join_next_with_id().await {
            failed.extend(comes_again(ended, &ids));
        }
        failed.sort();
        assert_eq!(failed, ["given back", "panicked"]);
    }
}
