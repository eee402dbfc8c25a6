//! Serves invocations: reads the event, has it handled, and responds.

use std::sync::atomic::{AtomicBool, Ordering};

use aws_lambda_events::sqs::{BatchItemFailure, SqsBatchResponse, SqsMessage};
use futures_util::future::join_all;
use lambda_runtime::{LambdaEvent, service_fn};
use offload_lifecycle::sweep::{self, Swept};
use offload_service::{clock, metrics::EmfWriter};
use offload_stores::{Delivery, Queue};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    changes,
    event::{Event, Queues},
    message::{delivered, message_id},
    orders,
};
use crate::{context::Worker, dead_letters::fail_dead_letter, deployment};

/// Serves invocations until `stop`.
///
/// # Errors
/// If the runtime ends.
pub(crate) async fn serve(worker: &Worker, stop: CancellationToken) -> Result<(), lambda_runtime::Error> {
    let namespace = worker.settings.function_metrics.namespace.as_deref();
    let emf = namespace.map(|namespace| EmfWriter::new(namespace, "offload-worker"));
    let handler = service_fn(async |event: LambdaEvent<Value>| {
        let response = invoke(worker, event).await;
        if let Some(emf) = &emf {
            emf.write(&worker.metrics_text());
        }
        response
    });
    tokio::select! {
        ended = lambda_runtime::run(handler) => ended,
        () = stop.cancelled() => Ok(()),
    }
}

async fn invoke(worker: &Worker, LambdaEvent { payload, context }: LambdaEvent<Value>) -> Result<Value, String> {
    let stores = &worker.stores;
    let notifications: Vec<&str> = stores.notifications.iter().flat_map(|n| n.queues().map(Queue::name)).collect();
    let lanes: Vec<&Queue> = stores.order_queues.lanes().map(|(_, queue)| queue).collect();
    let orders: Vec<&str> = lanes.iter().map(|queue| queue.name()).collect();
    let queues =
        Queues { orders: &orders, dead: stores.dead_letters.as_ref().map(Queue::name), notifications: &notifications };
    match Event::read(payload, queues).map_err(|e| e.to_string())? {
        Event::Sweep => sweep(worker).await,
        Event::Orders(lane, messages) => batch_response(orders::work(worker, lanes[lane], messages, &context).await),
        Event::Notifications(messages) => batch_response(notify(worker, messages).await),
        Event::Changes(changes) => batch_response(changes::publish(&worker.stores, changes).await),
        Event::DeadLetters(messages) => batch_response(fail_dead_letters(worker, messages).await),
    }
}

/// Delivers notifications, all at the same time. Returns the messages that must come again.
async fn notify(worker: &Worker, messages: Vec<SqsMessage>) -> Vec<String> {
    let queue = worker.stores.notifications.as_ref().map(|n| &n.queue);
    each(queue, messages, async |delivery| {
        // A delivery that nobody handles is dropped, and so comes again.
        if let Some(notifier) = &worker.notifier {
            notifier.handle(delivery).await;
        }
    })
    .await
}

/// Fails the orders of dead letters. Returns the letters that must come again.
async fn fail_dead_letters(worker: &Worker, messages: Vec<SqsMessage>) -> Vec<String> {
    each(worker.stores.dead_letters.as_ref(), messages, async |delivery| fail_dead_letter(worker, delivery).await).await
}

/// Handles the messages of a queue, all at the same time. Returns the messages that must come
/// again.
async fn each(queue: Option<&Queue>, messages: Vec<SqsMessage>, handle: impl AsyncFn(Delivery)) -> Vec<String> {
    let handled = messages.into_iter().map(|message| async {
        let id = message_id(&message);
        let (Some(queue), Some(message)) = (queue, delivered(message)) else { return Some(id) };
        let (delivery, outcome) = queue.delivery(message);
        handle(delivery).await;
        if outcome.is_complete().await { None } else { Some(id) }
    });
    join_all(handled).await.into_iter().flatten().collect()
}

async fn sweep(worker: &Worker) -> Result<Value, String> {
    static CHECKED: AtomicBool = AtomicBool::new(false);
    // Once for each process, in the function that no order waits for.
    if !CHECKED.swap(true, Ordering::Relaxed) {
        deployment::warn(worker).await;
    }
    let swept = sweep::sweep(&worker.stores, worker.sweep_rules(), clock::now).await;
    worker.metrics.swept(swept.as_ref());
    // Reported as a failed invocation, which an alarm counts; the next one makes up for it.
    let swept = swept.map_err(|e| format!("cannot sweep: {} in {}", e.kind.as_str(), e.operation))?;
    let Swept { sent, ended, published, failed } = swept;
    tracing::info!(swept.sent, swept.ended, swept.published, swept.failed, "swept");
    Ok(json!({"sent": sent, "ended": ended, "published": published, "failed": failed}))
}

/// The response that has these items of the batch come again.
fn batch_response(failed: Vec<String>) -> Result<Value, String> {
    let failure = |id| {
        let mut failure = BatchItemFailure::default();
        failure.item_identifier = id;
        failure
    };
    let mut response = SqsBatchResponse::default();
    response.batch_item_failures = failed.into_iter().map(failure).collect();
    serde_json::to_value(response).map_err(|e| e.to_string())
}
