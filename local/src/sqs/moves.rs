//! Message move tasks: they send dead letters back to their source, or to another queue.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::context::{RequestContext, Shared};
use super::error::SqsError;
use super::queue;
use crate::store::moves::{self, MoveTask, RUNNING};
use crate::store::{StoreError, messages, queues};

/// The fastest that AWS moves messages.
const MAX_PER_SECOND: u32 = 500;
/// A second's messages are moved in so many steps.
const STEPS_PER_SECOND: u32 = 10;
const MAX_LISTED: u32 = 10;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartMessageMoveTask {
    source_arn: Option<String>,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<u32>,
}

pub(super) async fn start(context: &RequestContext<'_>, request: StartMessageMoveTask) -> Result<Value, SqsError> {
    let source_arn = request.source_arn.ok_or_else(|| SqsError::missing("SourceArn"))?;
    let source = context.sqs.queue_by_arn(&source_arn).await?;
    let destination = match &request.destination_arn {
        Some(arn) => Some(context.sqs.queue_by_arn(arn).await?.id),
        None => None,
    };
    let per_second = request.max_number_of_messages_per_second;
    if per_second.is_some_and(|rate| !(1..=MAX_PER_SECOND).contains(&rate)) {
        return Err(SqsError::invalid(
            "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: Must be between 1 and 500, if provided.",
        ));
    }
    let now = context.sqs.clock.now();
    let task = context
        .sqs
        .store
        .write(|transaction| {
            if queue::sources_of(queues::all(transaction)?, &source_arn).next().is_none() {
                return Err(SqsError::invalid("Source queue must be configured as a Dead Letter Queue."));
            }
            if moves::latest(transaction, source.id, 1)?.iter().any(|task| task.status == RUNNING) {
                return Err(SqsError::unsupported("There is already a task running. Only one active task is allowed for a source queue arn at a given time."));
            }
            let task = MoveTask {
                handle: uuid::Uuid::new_v4().simple().to_string(),
                source: source.id,
                destination,
                started: now,
                status: RUNNING.to_owned(),
                per_second,
                moved: 0,
                to_move: queues::count(transaction, source.id, now)?.visible,
                failure: None,
            };
            moves::insert(transaction, &task)?;
            Ok(task)
        })
        .await?;
    let handle = task.handle.clone();
    spawn(context.sqs, task);
    Ok(json!({ "TaskHandle": handle }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListMessageMoveTasks {
    source_arn: Option<String>,
    max_results: Option<u32>,
}

pub(super) async fn list(context: &RequestContext<'_>, request: ListMessageMoveTasks) -> Result<Value, SqsError> {
    let source_arn = request.source_arn.ok_or_else(|| SqsError::missing("SourceArn"))?;
    let source = context.sqs.queue_by_arn(&source_arn).await?;
    let limit = request.max_results.unwrap_or(1).clamp(1, MAX_LISTED);
    let (tasks, queues) = context
        .sqs
        .store
        .run(|connection| Ok::<_, StoreError>((moves::latest(connection, source.id, limit)?, queues::all(connection)?)))
        .await?;
    let name = |id: i64| queues.iter().find(|queue| queue.id == id).map(|queue| context.sqs.arn(&queue.name));
    let results: Vec<Value> = tasks
        .into_iter()
        .map(|task| {
            let mut value = json!({
                "Status": task.status,
                "SourceArn": source_arn,
                "ApproximateNumberOfMessagesMoved": task.moved,
                "ApproximateNumberOfMessagesToMove": task.to_move,
                "StartedTimestamp": task.started,
            });
            // Only a running task can be cancelled, so only it has a handle.
            if task.status == RUNNING {
                value["TaskHandle"] = task.handle.into();
            }
            if let Some(arn) = task.destination.and_then(name) {
                value["DestinationArn"] = arn.into();
            }
            if let Some(rate) = task.per_second {
                value["MaxNumberOfMessagesPerSecond"] = rate.into();
            }
            if let Some(failure) = task.failure {
                value["FailureReason"] = failure.into();
            }
            value
        })
        .collect();
    Ok(json!({ "Results": results }))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CancelMessageMoveTask {
    task_handle: Option<String>,
}

pub(super) async fn cancel(context: &RequestContext<'_>, request: CancelMessageMoveTask) -> Result<Value, SqsError> {
    let handle = request.task_handle.ok_or_else(|| SqsError::missing("TaskHandle"))?;
    let moved = context
        .sqs
        .store
        .write(|transaction| {
            let task = moves::find(transaction, &handle)?.ok_or_else(SqsError::no_such_task)?;
            if task.status != RUNNING {
                return Err(SqsError::unsupported("Only active tasks can be cancelled."));
            }
            moves::update(transaction, &handle, "CANCELLED", task.moved, None)?;
            Ok(task.moved)
        })
        .await?;
    Ok(json!({ "ApproximateNumberOfMessagesMoved": moved }))
}

/// Resumes the tasks that were running when the process ended.
pub(super) async fn resume(sqs: &Arc<Shared>) -> Result<(), StoreError> {
    for task in sqs.store.run(moves::running).await? {
        spawn(sqs, task);
    }
    Ok(())
}

fn spawn(sqs: &Arc<Shared>, task: MoveTask) {
    let shared = Arc::clone(sqs);
    sqs.tasks.spawn(async move {
        if let Err(error) = run(&shared, &task).await {
            tracing::error!(error = %error, task.handle = %task.handle, "message move task failed");
        }
    });
}

/// Moves messages until none is left, the task is cancelled or the stack stops.
async fn run(sqs: &Shared, task: &MoveTask) -> Result<(), StoreError> {
    let rate = task.per_second.unwrap_or(MAX_PER_SECOND);
    let step = rate.div_ceil(STEPS_PER_SECOND);
    let pause = Duration::from_secs(1) * step / rate;
    loop {
        let (more, targets) = sqs.store.write(|transaction| advance(sqs, transaction, task, step)).await?;
        for target in targets {
            sqs.long_polls.wake(target);
        }
        if !more {
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = sqs.stop.cancelled() => return Ok(()),
        }
    }
}

/// One step: whether there is more to do, and the queues that got messages.
fn advance(
    sqs: &Shared,
    transaction: &rusqlite::Transaction<'_>,
    task: &MoveTask,
    step: u32,
) -> Result<(bool, Vec<i64>), StoreError> {
    let Some(task) = moves::find(transaction, &task.handle)?.filter(|task| task.status == RUNNING) else {
        return Ok((false, Vec::new()));
    };
    let now = sqs.clock.now();
    let found = messages::visible(transaction, task.source, now, 0, usize::try_from(step).unwrap_or(1))?;
    let mut targets = Vec::new();
    let mut moved = task.moved;
    for message in &found {
        let origin = message.source.as_deref().and_then(|arn| arn.rsplit(':').next());
        let target = match (task.destination, origin) {
            (Some(destination), _) => Some(destination),
            (None, Some(name)) => queues::find(transaction, name)?.map(|queue| queue.id),
            (None, None) => None,
        };
        let Some(target) = target else {
            moves::update(transaction, &task.handle, "FAILED", moved, Some("CouldNotDetermineMessageSource"))?;
            return Ok((false, targets));
        };
        messages::redrive(transaction, message.id, target, &uuid::Uuid::new_v4().to_string(), now)?;
        moved += 1;
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    let status = if found.is_empty() { "COMPLETED" } else { RUNNING };
    moves::update(transaction, &task.handle, status, moved, None)?;
    Ok((!found.is_empty(), targets))
}
