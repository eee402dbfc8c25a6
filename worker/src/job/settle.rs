//! Settles a delivery: the end of an attempt first in the order table, then in S3, then in the
//! queue.

use std::time::Duration;

use offload_domain::{
    order::{OrderRecord, OrderResult},
    problem::{Problem, ends},
    status::EtaWindow,
    transition::Transition,
};
use offload_lifecycle::{
    claim::Claimed,
    finish::{Produced, Recorded, record_end, still_ours, store_result},
    publish::publish_end,
};
use offload_service::clock;
use offload_stores::{Delivery, Error};

use super::{
    end::{AttemptEnd, StopReason},
    heartbeat::LeaseHeartbeat,
    retry::{Abandoned, retry_until_done},
};
use crate::{
    context::Worker,
    processor::{Outcome, ProcessError},
};

/// Lambda gives a function 900 s at most, and the end must be recorded within them: an order that
/// had this much will never have more.
const FUNCTION_LONGEST: Duration = Duration::from_secs(880);

/// A result of more bytes is uploaded only after the lease was asked.
const LARGE_BYTES: u64 = 1 << 20;

/// Records the end of an attempt and settles the delivery accordingly.
pub(super) async fn settle(
    worker: &Worker,
    mut job: Claimed,
    end: AttemptEnd,
    heartbeat: LeaseHeartbeat,
    delivery: Delivery,
    estimated: Option<&EtaWindow>,
) -> Result<(), Error> {
    let (asked, of_the_work) = (end.asked_wait(), end.is_of_the_work());
    if matches!(end, AttemptEnd::Stopped(StopReason::Lost)) {
        worker.metrics.lease_lost();
    }
    let Ok(transition) = transition(worker, &job, end, &heartbeat).await else { return Ok(()) };
    let Ok(record) = store_end(worker, &job, &transition, &heartbeat).await else { return Ok(()) };
    // The lease ended with the attempt.
    drop(heartbeat);
    job.record = record;
    if let Transition::Yield { error } = &transition {
        let delay = if error.is_some() { retry_delay(worker, &job.record, asked) } else { Duration::ZERO };
        tracing::info!(attempt = job.record.state.attempt, retry_ms = delay.as_millis(), "order will be tried again");
        return delivery.retry_after(delay).await;
    }
    worker.metrics.ended(&job.record.state);
    // What was cancelled or cut off was not estimated.
    let expected = estimated.filter(|_| of_the_work);
    if let Some(window) = expected {
        worker.metrics.estimated(window, job.record.state.updated_at);
    }
    publish_and_complete(worker, job, expected.copied(), delivery).await
}

/// Publishes an ended order, which was expected in this window, and then deletes the message.
pub(super) async fn publish_and_complete(
    worker: &Worker,
    job: Claimed,
    expected: Option<EtaWindow>,
    delivery: Delivery,
) -> Result<(), Error> {
    let visibility = delivery.visibility();
    let (stores, ttl) = (&worker.stores, worker.settings.result_url_ttl);
    let publish = || async {
        let published = publish_end(stores, &job.record, ttl, job.etag.as_deref()).await;
        if published.is_err() {
            // The lease has ended with the order; while S3 is down only the message must be kept.
            let _ = visibility.extend(worker.settings.visibility).await;
        }
        published
    };
    if retry_until_done("publish the end of an order", None, publish).await.is_err() {
        return Ok(());
    }
    worker.reporter.ended(&job.record, expected, clock::now());
    let state = &job.record.state;
    tracing::info!(
        order.status = state.status.as_str(),
        order.revision = state.revision,
        attempt = state.attempt,
        "order ended"
    );
    if state.error.as_ref().is_some_and(ends::is_dead) {
        // An alarm counts these lines, and those of the dead-letter queue's consumer.
        tracing::error!(attempt = state.attempt, "order is dead-lettered");
    }
    delivery.complete().await
}

/// What an attempt's end means for the order.
async fn transition(
    worker: &Worker,
    job: &Claimed,
    end: AttemptEnd,
    heartbeat: &LeaseHeartbeat,
) -> Result<Transition, Abandoned> {
    let retry_or_fail = |problem: Problem| {
        let made = job.record.state.attempts_made();
        if made < worker.settings.limits.max_attempts {
            return Transition::Yield { error: Some(problem) };
        }
        Transition::Fail { error: ends::attempts_exhausted(made, problem.detail.as_deref()) }
    };
    Ok(match end {
        AttemptEnd::Outcome(outcome) => {
            Transition::Complete { result: store_outcome(worker, job, outcome, heartbeat).await? }
        }
        AttemptEnd::Error(ProcessError::Final(error)) => Transition::Fail { error },
        AttemptEnd::Error(ProcessError::Retryable { problem, .. }) => retry_or_fail(problem),
        AttemptEnd::Crashed => retry_or_fail(ends::processing_failed("the processor crashed")),
        AttemptEnd::Stopped(reason) => match reason {
            StopReason::Cancelled => Transition::Cancel,
            StopReason::Deadline => Transition::Fail { error: ends::deadline_exceeded() },
            StopReason::TimedOut => {
                Transition::Fail { error: ends::processing_timed_out(worker.settings.job_timeout.as_secs_f64()) }
            }
            StopReason::OutOfTime(ran) if ran >= FUNCTION_LONGEST => {
                Transition::Fail { error: ends::outlasts_functions(ran.as_secs_f64()) }
            }
            StopReason::OutOfTime(ran) => retry_or_fail(ends::function_timed_out(ran.as_secs_f64())),
            StopReason::Shutdown => Transition::Yield { error: None },
            StopReason::Lost => return Err(Abandoned),
        },
    })
}

/// How long the next attempt waits: at least as long as the work asks, within the longest wait
/// between attempts. Not past the deadline: the order should fail then, and not when the wait is
/// over.
fn retry_delay(worker: &Worker, record: &OrderRecord, asked: Duration) -> Duration {
    let retry = worker.settings.retry;
    let delay = retry.delay(record.state.attempts_made(), clock::unit_random()).max(asked.min(retry.max));
    let deadline = record.deadline(worker.settings.limits.default_deadline);
    delay.min((deadline - clock::now()).to_std().unwrap_or_default())
}

/// Stores a result where clients can read it.
async fn store_outcome(
    worker: &Worker,
    job: &Claimed,
    outcome: Outcome,
    heartbeat: &LeaseHeartbeat,
) -> Result<Option<OrderResult>, Abandoned> {
    let store = async |produced| {
        let store = || store_result(&worker.stores, job, produced);
        retry_until_done("store a result", Some(heartbeat), store).await
    };
    Ok(match outcome {
        Outcome::Value(None) => None,
        Outcome::Value(Some(value)) => Some(store(Produced::Value(&value)).await?),
        Outcome::File(file) => {
            let large = std::fs::metadata(&file.path).is_ok_and(|m| m.len() > LARGE_BYTES);
            let ask = || still_ours(&worker.stores, job, worker.settings.visibility);
            if large && !retry_until_done("renew a lease before an upload", Some(heartbeat), ask).await? {
                tracing::warn!("order was taken over; this worker's result is not uploaded");
                return Err(Abandoned);
            }
            let (name, content_type) = (&file.file_name, &file.content_type);
            Some(store(Produced::File { path: &file.path, name, content_type }).await?)
        }
    })
}

/// Stores the end of an attempt, by which the lease ends too.
async fn store_end(
    worker: &Worker,
    job: &Claimed,
    end: &Transition,
    heartbeat: &LeaseHeartbeat,
) -> Result<OrderRecord, Abandoned> {
    let record = || {
        let mut job = job.clone();
        async move { record_end(&worker.stores, &mut job, end).await }
    };
    match retry_until_done("record the end of an attempt", Some(heartbeat), record).await? {
        Recorded::Stored(record) => Ok(*record),
        Recorded::TakenOver => {
            worker.metrics.lease_lost();
            tracing::warn!("order was taken over; this worker's outcome is dropped");
            Err(Abandoned)
        }
    }
}
