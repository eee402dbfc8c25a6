//! The worker as Lambda functions: one binary that tells by the event what it is asked for.
//!
//! Lambda receives the messages and deletes those that are not reported as failed, so a delivery is settled by what is
//! reported. Everything ends within the invocation: once its answer is out, the function is frozen.

mod event;
mod time;

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};
use futures_util::future::join_all;
use lambda_runtime::{Context, LambdaEvent, service_fn};
use offload_lifecycle::{notify, sweep};
use offload_service::clock;
use offload_stores::{Handed, OrderTable, Queue};
use serde_json::{Value, json};
use tokio::{
    sync::Semaphore,
    task::{self, JoinError, JoinSet},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{context::Worker, dead_letters, job};
use event::{Change, Event, Queues};

/// Serves invocations until `stop`.
///
/// # Errors
/// If the runtime ends.
pub(crate) async fn serve(worker: &Worker, stop: CancellationToken) -> Result<(), lambda_runtime::Error> {
    let handler = service_fn(|event: LambdaEvent<Value>| invoke(worker, event));
    tokio::select! {
        ended = lambda_runtime::run(handler) => ended,
        () = stop.cancelled() => Ok(()),
    }
}

async fn invoke(worker: &Worker, LambdaEvent { payload, context }: LambdaEvent<Value>) -> Result<Value, String> {
    let stores = &worker.stores;
    let queues = Queues {
        orders: stores.queue.name(),
        dead: stores.dead_letters.as_ref().map(Queue::name),
        notifications: stores.notifications.as_ref().map(|n| n.queue.name()),
    };
    let answer = match Event::read(payload, queues).map_err(|e| e.to_string())? {
        Event::Sweep => sweep(worker).await?,
        Event::Orders(messages) => failures(work(worker, messages, &context).await)?,
        Event::Notifications(messages) => failures(notify(worker, messages).await)?,
        Event::Changes(changes) => failures(tell(worker, changes).await)?,
        Event::DeadLetters(messages) => failures(bury(worker, messages).await)?,
    };
    Ok(answer)
}

/// Works on a batch, and names the messages that must come again.
async fn work(worker: &Worker, messages: Vec<SqsMessage>, context: &Context) -> Vec<String> {
    let left = time::left(context.deadline, clock::now());
    let working = left.saturating_sub(time::margin(left));
    let worker = Arc::new(Worker { halt: CancellationToken::new(), time: Some(working), ..worker.clone() });
    let hands = Arc::new(Semaphore::new(worker.settings.concurrency));
    let mut jobs = JoinSet::new();
    let mut ids = HashMap::new();
    for message in messages {
        let (worker, hands) = (Arc::clone(&worker), Arc::clone(&hands));
        let id = message.message_id.clone().unwrap_or_default();
        let of = id.clone();
        let job = jobs.spawn(async move {
            let Some(handed) = handed(message) else { return Some(id) };
            let (delivery, outcome) = worker.stores.queue.handed(handed);
            let hand = tokio::select! {
                biased;
                // No work is started any more: it goes to whoever has time.
                () = worker.halt.cancelled() => None,
                hand = hands.acquire_owned() => hand.ok(),
            };
            if hand.is_none() || worker.halt.is_cancelled() {
                let _ = delivery.retry_after(Duration::ZERO).await;
            } else {
                job::handle(&worker, delivery).await;
            }
            if outcome.is_complete().await { None } else { Some(id) }
        });
        ids.insert(job.id(), of);
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
    worker.reporter.tell_if_due(&worker.stores.orders).await;
    failed
}

/// The message that must come again after its job `ended`.
fn comes_again(
    ended: Result<(task::Id, Option<String>), JoinError>,
    ids: &HashMap<task::Id, String>,
) -> Option<String> {
    match ended {
        Ok((_, id)) => id,
        Err(e) => {
            // A panic outside of a processor: what it had written is not known, and its delivery was dropped unsettled.
            // Not to name its message would let Lambda delete it.
            let id = ids.get(&e.id()).cloned().unwrap_or_default();
            tracing::error!(message.id = id, error = %e, "a job has failed");
            // An id that is of no message makes Lambda send the whole batch again, which is harmless.
            Some(id)
        }
    }
}

/// Ends the orders of dead letters, and names the letters that must come again.
async fn bury(worker: &Worker, messages: Vec<SqsMessage>) -> Vec<String> {
    let mut failed = Vec::new();
    for message in messages {
        let id = message.message_id.clone().unwrap_or_default();
        let buried = match (handed(message), &worker.stores.dead_letters) {
            (Some(handed), Some(queue)) => {
                let (delivery, outcome) = queue.handed(handed);
                if let Err(e) = dead_letters::bury(worker, delivery).await {
                    tracing::warn!(error.kind = e.kind.as_str(), error.cause = %e.source, "cannot end a dead letter");
                }
                outcome.is_complete().await
            }
            _ => false,
        };
        if !buried {
            failed.push(id);
        }
    }
    failed
}

/// Delivers notifications, all at the same time, and names the messages that must come again.
async fn notify(worker: &Worker, messages: Vec<SqsMessage>) -> Vec<String> {
    let (Some(notifier), Some(to)) = (&worker.notifier, &worker.stores.notifications) else {
        return messages.into_iter().filter_map(|m| m.message_id).collect();
    };
    let deliveries = messages.into_iter().map(|message| async {
        let id = message.message_id.clone().unwrap_or_default();
        let Some(handed) = handed(message) else { return Some(id) };
        let (delivery, outcome) = to.queue.handed(handed);
        notifier.handle(delivery).await;
        if outcome.is_complete().await { None } else { Some(id) }
    });
    join_all(deliveries).await.into_iter().flatten().collect()
}

/// Tells of changes of the order table, in their order, and names the first that must come again: Lambda sends it and all
/// that are behind it.
async fn tell(worker: &Worker, changes: Vec<Change>) -> Vec<String> {
    for change in changes {
        let revision = |image: Option<&Value>| image?["revision"]["N"].as_str()?.parse::<u64>().ok();
        let (before, after) = (revision(change.before.as_ref()), revision(change.after.as_ref()));
        // A renewed lease or a new follower changes the row and not the order; and a new order is told by its 202.
        if after.is_none_or(|after| after <= 1) || before == after {
            continue;
        }
        let record = match change.after.as_ref().and_then(OrderTable::of_image) {
            Some(Ok(record)) => record,
            Some(Err(e)) => {
                // It will not become readable; to insist would hold up all that is behind it.
                tracing::error!(error.cause = %e.source, "a row of the table's stream cannot be read");
                continue;
            }
            None => continue,
        };
        let object = record.status_object(None);
        if let Err(e) = notify::notify(&worker.stores, &record, object).await {
            tracing::warn!(order.id = %record.order.id, error.kind = e.kind.as_str(), error.cause = %e.source,
                "cannot tell of a change");
            return vec![change.sequence_number];
        }
    }
    Vec::new()
}

async fn sweep(worker: &Worker) -> Result<Value, String> {
    let swept = sweep::sweep(&worker.stores, worker.settings.sweep_after, clock::now()).await;
    // Reported as a failed invocation, which an alarm counts; the next one makes up for it.
    let swept = swept.map_err(|e| format!("cannot sweep: {} in {}", e.kind.as_str(), e.operation))?;
    tracing::info!(swept.sent, swept.ended, swept.failed, "swept");
    Ok(json!({"sent": swept.sent, "ended": swept.ended, "failed": swept.failed}))
}

fn failures(ids: Vec<String>) -> Result<Value, String> {
    let failure = |id| {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        failure
    };
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = ids.into_iter().map(failure).collect();
    serde_json::to_value(response).map_err(|e| e.to_string())
}

/// The message of an event's record; `None` if it cannot be settled, which never happens.
fn handed(message: SqsMessage) -> Option<Handed> {
    let attribute = message.message_attributes.get(Queue::traceparent_attribute());
    Some(Handed {
        message_id: message.message_id?,
        receipt: message.receipt_handle?,
        body: message.body.unwrap_or_default(),
        receive_count: message.attributes.get("ApproximateReceiveCount").and_then(|n| n.parse().ok()).unwrap_or(1),
        traceparent: attribute.and_then(|a| a.string_value.clone()),
    })
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
